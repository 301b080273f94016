// The pictures: a month or a week of one machine, and the days of a fleet: tables in which a day is a strip of hours.

import { onDay, parts, title } from "./calendar-entries.js";
import { clockIn, dayOf, days, plusDays, share, weekday } from "./calendar-time.js";
import { dayOfWeek, longDay, longWeekday, weekdayName, words } from "./calendar-words.js";

/** An element with attributes and children; `class` and `aria-…` as in HTML. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

/** The dates of an answer's window. */
export function daysOf({ window: { start, end } }) {
  return days(dayOf(start), plusDays(dayOf(end), -1));
}

/** The month of one machine, Monday to Sunday, a week in a row. */
export function month(machine, open) {
  const all = daysOf(machine);
  const shown = days(plusDays(all[0], 1 - weekday(all[0])), plusDays(all.at(-1), 7 - weekday(all.at(-1))));
  const inside = new Set(all);
  const head = shown.slice(0, 7).map((day) => el("th", { scope: "col", abbr: longWeekday(day) }, weekdayName(day)));
  const weeks = [];
  for (let first = 0; first < shown.length; first += 7) {
    const row = shown.slice(first, first + 7);
    weeks.push(el("tr", {}, ...row.map((day) => (inside.has(day) ? dayCell(machine, day, open) : el("td")))));
  }
  return table("month", machine.machine.name, el("tr", {}, ...head), weeks);
}

/** The week of one machine, a day in a row. */
export function week(machine, open) {
  const rows = daysOf(machine).map((day) =>
    el("tr", today(machine, day), el("th", { scope: "row" }, dayOfWeek(day)), cell(machine, day, open)),
  );
  const hours = [0, 6, 12, 18].map((hour) => el("span", {}, `${hour} h`));
  const head = el("tr", {}, el("td"), el("td", { class: "hours", "aria-hidden": "true" }, ...hours));
  return table("week", machine.machine.name, head, rows);
}

/** The days of a fleet, a machine in a row; it scrolls in its own box. */
export function fleet(machines, open, choose) {
  const all = daysOf(machines[0]);
  const head = all.map((day) => {
    const about = { scope: "col", abbr: longDay(day), ...today(machines[0], day) };
    return el("th", about, weekdayName(day), el("br"), number(day));
  });
  const rows = machines.map((machine) => {
    const { id, name: called } = machine.machine;
    const said = machine.state === "retired" ? `${called} (${words.retired})` : called;
    const name = el("button", { type: "button", title: said, click: () => choose(id) }, el("span", {}, said));
    return el("tr", {}, el("th", { scope: "row" }, name), ...all.map((day) => cell(machine, day, open)));
  });
  const size = all.length > 7 ? "many" : "few";
  const made = table(`fleet days-${size}`, words.fleetCaption, el("tr", {}, el("td"), ...head), rows);
  return el("div", { class: "box", tabindex: "0", role: "region", "aria-label": words.fleetCaption }, made);
}

/** The colour of a look, as a small square. */
export const swatch = (name) => el("span", { class: `swatch ${name}`, "aria-hidden": "true" });

function table(name, caption, head, rows) {
  const called = el("caption", { class: "unseen" }, caption);
  const made = el("table", { class: name }, called, el("thead", {}, head), el("tbody", {}, ...rows));
  made.addEventListener("keydown", (event) => walk(made, event));
  const stops = [...made.querySelectorAll("td button")];
  for (const button of stops.slice(1)) button.tabIndex = -1;
  return made;
}

function dayCell(machine, day, open) {
  const made = cell(machine, day, open);
  made.firstChild.prepend(el("span", { class: "number", ...today(machine, day) }, number(day)));
  return made;
}

function cell(machine, day, open) {
  const found = onDay(machine, day);
  const shut = machine.hand_over?.find(({ first, last }) => first <= day && day <= last)?.hours.length === 0;
  const said = found.length ? found.map(title).join(", ") : shut ? words.shut : words.free;
  const label = `${machine.machine.name}, ${longDay(day)} : ${said}`;
  const about = { type: "button", "aria-label": label, click: () => open(machine, day) };
  const button = el("button", about, strip(machine, day, found));
  button.dataset.key = `${machine.machine.id} ${day}`;
  return el("td", { class: shut ? "shut" : undefined, ...today(machine, day) }, button);
}

function strip(machine, day, found) {
  const made = el("span", { class: "strip" });
  for (const [from, to] of closedShares(machine, day)) made.append(part("closed", from, to));
  const all = found.flatMap((entry) => parts(entry, machine.zone));
  // Buffers below, lateness above.
  const order = { buffer: 0, proposal: 1, late: 3 };
  for (const { look: name, start, end } of all.sort((a, b) => (order[a.look] ?? 2) - (order[b.look] ?? 2))) {
    const had = share(day, start, end);
    if (had) made.append(part(name, ...had));
  }
  return made;
}

function part(name, from, to) {
  const made = el("i", { class: name });
  made.style.left = `${from * 100}%`;
  made.style.width = `${(to - from) * 100}%`;
  return made;
}

function closedShares(machine, day) {
  const hours = machine.hand_over?.find(({ first, last }) => first <= day && day <= last)?.hours;
  if (!hours) return [];
  const found = [];
  let since = `${day}T00:00`;
  const midnight = `${plusDays(day, 1)}T00:00`;
  for (const { opens, closes } of [...hours, { opens: "24:00", closes: "24:00" }]) {
    const until = opens === "24:00" ? midnight : `${day}T${opens}`;
    const had = share(day, since, until);
    if (had) found.push(had);
    since = closes === "24:00" ? midnight : `${day}T${closes}`;
  }
  return found;
}

const number = (day) => String(Number(day.slice(8)));

function today(machine, day) {
  return dayOf(clockIn(machine.zone)) === day ? { "aria-current": "date" } : {};
}

/** Arrows go from day to day; the table is one stop of the Tab key. */
function walk(made, event) {
  const at = event.target.closest("td");
  if (!at) return;
  const row = at.parentElement;
  const beside = { ArrowLeft: at.previousElementSibling, ArrowRight: at.nextElementSibling };
  const above = { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling };
  const to = (beside[event.key] ?? above[event.key]?.children[at.cellIndex])?.querySelector?.("button[data-key]");
  if (!to) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

