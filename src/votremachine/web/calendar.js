// The owner's calendar: choose a party, a machine or the fleet, a week or a month, and see what changes.

import { badges, details, look, onDay, title, wantsAttention } from "./calendar-entries.js";
import { follow } from "./calendar-live.js";
import { el, fleet, month, swatch, week } from "./calendar-picture.js";
import { SignedOut, ask, signIn, signOut, signedIn } from "./calendar-session.js";
import { clockIn, dayOf, plusDays, plusMonths, weekday } from "./calendar-time.js";
import { LANGUAGE, OTHER, longDay, monthName, shortDay, spanOf, words } from "./calendar-words.js";

const MINUTE_MS = 60_000;
const SETTLING_MS = 120; // a few changes that come together are one look
const [door, board, dialog] = ["#door", "#board", "dialog"].map((one) => document.querySelector(one));
const choices = board.querySelector(".choices");
const picture = document.querySelector("#picture");
const here = new URLSearchParams(location.search);
const chosen = {
  party: here.get("party") ?? "",
  machine: here.get("machine") ?? "",
  view: here.get("view") === "month" ? "month" : "week",
  date: here.get("date") ?? dayOf(clockIn(Intl.DateTimeFormat().resolvedOptions().timeZone)),
};
let shown = { text: "", machines: [] }; // the last answer
let looks = 0;
let line = null; // what ends the line of live changes
let standing = false; // whether that line stands
let settling = 0;

// Words and doors.

function speak() {
  document.documentElement.lang = LANGUAGE;
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = words[one.dataset.word];
  for (const name of ["before", "after"]) document.getElementById(name).setAttribute("aria-label", words[name]);
  const other = document.getElementById("language");
  [other.textContent, other.lang, other.hreflang] = [words.other, OTHER, OTHER];
  const keys = Object.entries(words.kind).map(([name, said]) => el("li", {}, swatch(name), said));
  board.querySelector(".key ul").replaceChildren(...keys);
}

async function enter(email, password) {
  const wrong = door.querySelector(".wrong");
  wrong.textContent = "";
  try {
    if (await signIn(email, password)) await start();
    else wrong.textContent = words.wrong;
  } catch (error) {
    refused(error);
  }
}

function refused(error) {
  if (!(error instanceof SignedOut)) door.querySelector(".wrong").textContent = words.failed;
  showDoor();
}

async function showDoor() {
  line?.abort();
  [door.hidden, board.hidden, document.getElementById("leave").hidden] = [false, true, true];
  const answer = await fetch("/v1/demo", { headers: { "Accept-Language": LANGUAGE } });
  if (!answer.ok) return; // a real service has no demo
  const offered = (await answer.json()).sign_ins.map(({ who, email, password }) =>
    el("li", {}, el("button", { type: "button", click: () => enter(email, password) }, who)),
  );
  door.querySelector(".demo ul").replaceChildren(...offered);
  door.querySelector(".demo").hidden = false;
}

/** Who is signed in, and what they may choose from. */
async function start() {
  const { seats } = await read("/v1/me");
  [door.hidden, board.hidden, document.getElementById("leave").hidden] = [true, false, false];
  const parties = seats.map(({ party }) => party);
  choices.party.replaceChildren(...parties.map(({ id, name }) => el("option", { value: id }, name)));
  if (!parties.length) return say(words.noParty);
  if (!parties.some(({ id }) => id === chosen.party)) chosen.party = parties[0].id;
  await enterParty();
}

async function enterParty() {
  line?.abort();
  const { items } = await read(`/v1/machines?party_id=${chosen.party}&limit=200`);
  const machines = items.map(({ id, title: name }) => el("option", { value: id }, name));
  choices.machine.replaceChildren(el("option", { value: "" }, words.all), ...machines);
  if (!items.some(({ id }) => id === chosen.machine)) chosen.machine = "";
  shown = { text: "", machines: [] };
  await see();
  listen();
}

function listen() {
  line?.abort();
  line = new AbortController();
  const [live, lost] = [true, false].map((stands) => () => tellState((standing = stands)));
  follow(`/v1/events?party_id=${chosen.party}`, line.signal, { changed: settle, live, lost, out: showDoor });
}

// Looking.

async function read(path) {
  const answer = await ask(path);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

/** All machines of the view; a fleet comes in pages. */
async function machinesShown() {
  const asked = `view=${chosen.view}&date=${chosen.date}`;
  if (chosen.machine) return [await read(`/v1/machines/${chosen.machine}/agenda?${asked}`)];
  const found = [];
  for (let cursor = ""; cursor !== null; ) {
    const page = await read(`/v1/parties/${chosen.party}/agenda?${asked}${cursor && `&cursor=${cursor}`}`);
    found.push(...page.items);
    cursor = page.next_cursor ?? null;
  }
  return found;
}

async function see() {
  const number = ++looks;
  Object.assign(choices.party, { value: chosen.party });
  Object.assign(choices.machine, { value: chosen.machine });
  choices.view.value = chosen.view;
  history.replaceState(null, "", `?${new URLSearchParams({ lang: LANGUAGE, ...chosen })}`);
  document.getElementById("language").href = `?${new URLSearchParams({ ...chosen, lang: OTHER })}`;
  document.getElementById("title").textContent = period();
  try {
    const machines = await machinesShown();
    if (number !== looks) return; // something else was chosen meanwhile
    // Drawn anew only when something changed, or grows with the clock.
    const out = machines.some(({ entries }) => entries.some(({ late, late_until: back }) => late && !back));
    const text = JSON.stringify(machines);
    if (out || text !== shown.text) paint((shown = { text, machines }).machines);
    if (standing) tellState(true);
  } catch (error) {
    if (error instanceof SignedOut) showDoor();
    else tellState(false);
  }
}

function settle() {
  clearTimeout(settling);
  settling = setTimeout(see, SETTLING_MS);
}

function tellState(stands) {
  say(stands ? words.live : words.lost, stands ? "live" : "lost");
}

function say(said, name = "") {
  const state = board.querySelector(".state");
  if (state.textContent !== said) state.textContent = said; // a reader hears it once
  state.dataset.state = name;
}

function period() {
  if (chosen.view === "month") return monthName(chosen.date);
  const monday = plusDays(chosen.date, 1 - weekday(chosen.date));
  return words.weekOf(shortDay(monday), shortDay(plusDays(monday, 6)));
}

// Painting. What had the focus has it afterwards, and what was scrolled to is still seen.

function paint(machines) {
  const focused = document.activeElement?.dataset.key;
  const scrolled = picture.querySelector(".box")?.scrollLeft;
  if (!machines.length) picture.replaceChildren(el("p", {}, words.noMachine));
  else if (!chosen.machine) picture.replaceChildren(fleet(machines, openDay, choose));
  else picture.replaceChildren((chosen.view === "month" ? month : week)(machines[0], openDay));
  const box = picture.querySelector(".box");
  if (box) box.scrollLeft = scrolled ?? beforeToday(box);
  if (focused) picture.querySelector(`[data-key="${focused}"]`)?.focus();
  list(machines);
}

function beforeToday(box) {
  const today = box.querySelector("thead [aria-current]");
  return today ? today.offsetLeft - box.querySelector("tbody th").offsetWidth - today.offsetWidth : 0;
}

/** Below the picture: all of one machine; of a fleet what somebody should see to. */
function list(machines) {
  const all = machines.flatMap((machine) => machine.entries.map((entry) => ({ machine, entry })));
  const told = chosen.machine ? all : all.filter(({ entry }) => wantsAttention(entry));
  document.getElementById("told-title").textContent = chosen.machine ? words.entries : words.attention;
  const none = el("li", {}, chosen.machine ? words.nothing : words.calm);
  board.querySelector(".entries").replaceChildren(...(told.length ? told.map(row) : [none]));
}

function row({ machine, entry }) {
  const marks = badges(entry).map((said) => el("span", { class: "badge" }, said));
  const about = chosen.machine ? null : el("span", { class: "about" }, machine.machine.name);
  const when = el("span", { class: "when" }, spanOf(entry.during));
  const button = el(
    "button",
    { type: "button", class: "entry", click: () => open(machine.machine.name, [article(machine, entry)]) },
    swatch(look(entry)),
    el("span", {}, el("strong", {}, title(entry)), about, when, ...marks),
  );
  button.dataset.key = `${machine.machine.id} ${entry.ref_id} ${entry.during.start}`;
  return el("li", {}, button);
}

function openDay(machine, day) {
  const found = onDay(machine, day).map((entry) => article(machine, entry));
  open(`${machine.machine.name}, ${longDay(day)}`, found.length ? found : [el("p", {}, words.nothing)]);
}

function article(machine, entry) {
  const rows = details(entry, machine.zone).flatMap(([term, said]) => [el("dt", {}, term), el("dd", {}, said)]);
  const marks = badges(entry).map((said) => el("span", { class: "badge" }, said));
  return el("article", {}, el("h3", {}, swatch(look(entry)), title(entry)), ...marks, el("dl", {}, ...rows));
}

function open(heading, content) {
  document.getElementById("dialog-title").textContent = heading;
  dialog.querySelector(".details").replaceChildren(...content);
  dialog.showModal();
}

// Choosing.

function choose(machine) {
  chosen.machine = machine;
  see().then(() => document.getElementById("title").focus());
}

function go(steps) {
  if (steps === 0) chosen.date = dayOf(clockIn(shown.machines[0]?.zone ?? "Europe/Paris"));
  else chosen.date = chosen.view === "month" ? plusMonths(chosen.date, steps) : plusDays(chosen.date, 7 * steps);
  see();
}

choices.addEventListener("change", ({ target }) => {
  chosen[target.name] = target.value;
  if (target.name === "party") enterParty();
  else see();
});
door.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(event.target.email.value, event.target.password.value);
});
document.getElementById("before").addEventListener("click", () => go(-1));
document.getElementById("after").addEventListener("click", () => go(1));
document.getElementById("today").addEventListener("click", () => go(0));
document.getElementById("leave").addEventListener("click", () => signOut().then(showDoor));
// A page that was left may be kept to come back to: its line would keep one of the browser's six connections.
addEventListener("pagehide", () => line?.abort());
addEventListener("pageshow", ({ persisted }) => persisted && !board.hidden && listen());
document.addEventListener("visibilitychange", () => document.hidden || board.hidden || see());
// Nobody tells when a machine becomes late: the clock does.
setInterval(() => document.hidden || board.hidden || see(), MINUTE_MS);

speak();
if (signedIn()) start().catch(refused);
else showDoor();
