// Times as the service tells them, "2027-05-03T08:00:00+02:00": what stands before the offset is what clocks show where
// the machine stands. Days and minutes are cut from there; no zone is ever reckoned with here.

const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1440;

/** The local date of a time. */
export const dayOf = (stamp) => stamp.slice(0, 10);

/** Minutes since local midnight. */
export const minuteOf = (stamp) => Number(stamp.slice(11, 13)) * 60 + Number(stamp.slice(14, 16));

/** A date so many days later. */
export function plusDays(day, days) {
  const moved = new Date(`${day}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

/** The first of the month that is so many months later. */
export function plusMonths(day, months) {
  const moved = new Date(`${day.slice(0, 7)}-01T00:00:00Z`);
  moved.setUTCMonth(moved.getUTCMonth() + months);
  return moved.toISOString().slice(0, 10);
}

/** The dates from one to another, both included. */
export function days(first, last) {
  const found = [];
  for (let day = first; day <= last; day = plusDays(day, 1)) found.push(day);
  return found;
}

/** 1 for Monday to 7 for Sunday. */
export const weekday = (day) => new Date(`${day}T00:00:00Z`).getUTCDay() || 7;

/** The same time so many minutes later, with the same offset. */
export function plusMinutes(stamp, minutes) {
  const offset = stamp.slice(19) === "Z" ? "+00:00" : stamp.slice(-6);
  const ahead = (offset[0] === "-" ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4)));
  const moved = new Date(Date.parse(stamp) + (minutes + ahead) * MINUTE_MS);
  return moved.toISOString().slice(0, 19) + offset;
}

/** What clocks show in a zone just now. */
export const clockIn = (zone) => new Date().toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T");

/** The part of a date that a span has, as shares of the day; null for none. */
export function share(day, start, end) {
  if (dayOf(start) > day || end <= start) return null;
  const from = dayOf(start) < day ? 0 : minuteOf(start);
  const to = dayOf(end) > day ? DAY_MINUTES : dayOf(end) < day ? 0 : minuteOf(end);
  return to > from ? [from / DAY_MINUTES, to / DAY_MINUTES] : null;
}
