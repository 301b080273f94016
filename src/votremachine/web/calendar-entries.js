// Entries of a calendar: what to call them, which parts of time they have, and all of their details.

import { clockIn, plusMinutes, share } from "./calendar-time.js";
import { lasting, moment, shortDay, spanOf, words } from "./calendar-words.js";

/** Its kind, or the state of a booking: names a colour in calendar.css and a word. */
export const look = (entry) => entry.state ?? entry.kind;

/** What it is, in a few words. */
export function title(entry) {
  const about = entry.renter?.name ?? entry.feed?.name ?? entry.note;
  return [words.kind[look(entry)], about].filter(Boolean).join(" · ");
}

/** What a person should see at once. */
export function badges(entry) {
  return [
    entry.late && (entry.late_until || entry.state !== "in_use" ? words.wasLate : words.late),
    entry.at_risk && words.atRisk,
    (entry.clash || entry.clashes) && words.clash,
    entry.recurs && words.recurs,
  ].filter(Boolean);
}

/** Whether somebody should decide or call. */
export function wantsAttention(entry) {
  const late = entry.late && !entry.late_until;
  return late || entry.at_risk || entry.clash || entry.clashes || ["requested", "proposal"].includes(look(entry));
}

/** The parts of time that it has, each with the name of its colour: buffers, itself, and how long it is late. */
export function parts(entry, zone) {
  const { start, end } = entry.during;
  const found = [{ look: look(entry), start, end }];
  const [before, after] = [entry.buffer_before_minutes, entry.buffer_after_minutes];
  if (before) found.push({ look: "buffer", start: plusMinutes(start, -before), end: start });
  if (after) found.push({ look: "buffer", start: end, end: plusMinutes(end, after) });
  if (entry.late) found.push({ look: "late", start: end, end: entry.late_until ?? clockIn(zone) });
  return found;
}

/** Its details as terms and what is to be said of them; `zone` is the machine's. */
export function details(entry, zone) {
  return [
    [words.who, entry.renter?.name],
    [words.when, spanOf(entry.during)],
    [words.whole, entry.whole && spanOf(entry.whole)],
    [words.buffers, buffers(entry)],
    [words.until, entry.expires_at && moment(inZone(entry.expires_at, zone))],
    [words.lateness, entry.late && lateness(entry)],
    [words.clashes, entry.clashes?.map(({ feed, during }) => `${feed.name} (${spanOf(during)})`).join(", ")],
    [words.feed, entry.feed?.name],
    [words.dueOn, entry.due_on && shortDay(entry.due_on)],
    [words.note, entry.note],
  ].filter(([, said]) => said);
}

function buffers({ buffer_before_minutes: before = 0, buffer_after_minutes: after = 0 }) {
  return before || after ? words.buffer(lasting(before), lasting(after)) : null;
}

function lateness({ during, late_until: back }) {
  const since = (back ? Date.parse(back) : Date.now()) - Date.parse(during.end);
  const long = lasting(Math.max(0, Math.round(since / 60_000)));
  return back ? `${words.lateFor(long)} ${moment(back)}` : words.lateStill(long);
}

function inZone(instant, zone) {
  return new Date(instant).toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T");
}

/** The entries of a machine that have any of a date, buffers and delays included. */
export function onDay(machine, day) {
  return machine.entries.filter((entry) =>
    parts(entry, machine.zone).some(({ start, end }) => share(day, start, end)),
  );
}
