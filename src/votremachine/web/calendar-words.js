// What the calendar says, in French and English.

const FR = {
  door: "Votre planning",
  email: "E-mail",
  password: "Mot de passe",
  enter: "Se connecter",
  wrong: "E-mail ou mot de passe inconnu.",
  failed: "Le service ne répond pas. Réessayez dans un moment.",
  demo: "Essayez comme…",
  leave: "Quitter",
  other: "English",
  party: "Exploitation",
  machine: "Matériel",
  all: "Tout le parc",
  noMachine: "Cette exploitation n’a pas encore de matériel.",
  noParty: "Vous n’agissez encore pour aucune exploitation.",
  view: "Vue",
  week: "Semaine",
  month: "Mois",
  today: "Aujourd’hui",
  before: "Avant",
  after: "Après",
  weekOf: (first, last) => `${first} – ${last}`,
  live: "En direct",
  lost: "Hors ligne : ceci peut avoir changé",
  loading: "Chargement…",
  entries: "Dans cette période",
  attention: "À voir",
  nothing: "Rien : tout est libre.",
  calm: "Rien à décider, personne en retard.",
  key: "Légende",
  close: "Fermer",
  free: "libre",
  shut: "fermé",
  retired: "retiré",
  kind: {
    held: "Tenu, paiement en cours",
    requested: "Demande à valider",
    confirmed: "Réservé",
    in_use: "En location",
    returned: "Rendu",
    completed: "Terminé",
    block: "Bloqué",
    maintenance: "Entretien",
    proposal: "Entretien proposé",
    external: "Autre agenda",
    buffer: "Battement",
    late: "Retard",
    closed: "Personne pour remettre le matériel",
  },
  late: "En retard",
  wasLate: "Rendu en retard",
  atRisk: "Menacé par un retard",
  clash: "Conflit d’agenda",
  recurs: "Se répète",
  who: "Qui",
  when: "Quand",
  whole: "En tout",
  buffers: "Battement",
  buffer: (before, after) => `${before} avant, ${after} après`,
  until: "Tient jusqu’à",
  lateness: "Retard",
  lateFor: (long) => `${long}, rendu`,
  lateStill: (long) => `${long}, pas encore rendu`,
  clashes: "Conflit avec",
  note: "Note",
  feed: "Agenda",
  dueOn: "À faire avant le",
  hours: (h, min) => [h && `${h} h`, (min || !h) && `${min} min`].filter(Boolean).join(" "),
  fleetCaption: "Vos machines et leurs journées",
  cellHint: "Touchez une journée pour le détail.",
};

const EN = {
  door: "Your calendar",
  email: "E-mail",
  password: "Password",
  enter: "Sign in",
  wrong: "No such e-mail with this password.",
  failed: "The service does not answer. Try again in a moment.",
  demo: "Try it as…",
  leave: "Sign out",
  other: "Français",
  party: "Party",
  machine: "Machine",
  all: "The whole fleet",
  noMachine: "This party has no machine yet.",
  noParty: "You do not act for any party yet.",
  view: "View",
  week: "Week",
  month: "Month",
  today: "Today",
  before: "Before",
  after: "After",
  weekOf: (first, last) => `${first} – ${last}`,
  live: "Live",
  lost: "Offline: this may have changed",
  loading: "Loading…",
  entries: "In this period",
  attention: "To see to",
  nothing: "Nothing: all of it is free.",
  calm: "Nothing to decide, nobody late.",
  key: "Key",
  close: "Close",
  free: "free",
  shut: "closed",
  retired: "retired",
  kind: {
    held: "Held, being paid",
    requested: "Request to decide",
    confirmed: "Booked",
    in_use: "Out",
    returned: "Returned",
    completed: "Completed",
    block: "Blocked",
    maintenance: "Maintenance",
    proposal: "Maintenance proposed",
    external: "Another calendar",
    buffer: "Buffer",
    late: "Late",
    closed: "Nobody to hand it over",
  },
  late: "Late",
  wasLate: "Returned late",
  atRisk: "At risk: the one before is late",
  clash: "Calendars clash",
  recurs: "Repeats",
  who: "Who",
  when: "When",
  whole: "All of it",
  buffers: "Buffers",
  buffer: (before, after) => `${before} before, ${after} after`,
  until: "Stands until",
  lateness: "Late",
  lateFor: (long) => `${long}, returned`,
  lateStill: (long) => `${long}, not back yet`,
  clashes: "Clashes with",
  note: "Note",
  feed: "Calendar",
  dueOn: "Due on",
  hours: (h, min) => [h && `${h} h`, (min || !h) && `${min} min`].filter(Boolean).join(" "),
  fleetCaption: "Your machines and their days",
  cellHint: "Tap a day for its details.",
};

const asked = new URLSearchParams(location.search).get("lang");
const known = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "fr" || tag === "en");
export const LANGUAGE = (asked === "fr" || asked === "en" ? asked : known) ?? "fr";
export const OTHER = LANGUAGE === "en" ? "fr" : "en";
export const words = LANGUAGE === "en" ? EN : FR;

const LOCALE = LANGUAGE === "en" ? "en-GB" : "fr-FR";
const shown = (options) => {
  const format = new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });
  return (day) => format.format(new Date(`${day}T00:00:00Z`));
};
export const monthName = shown({ month: "long", year: "numeric" });
export const dayOfWeek = shown({ weekday: "short", day: "numeric" });
export const dayName = shown({ weekday: "short", day: "numeric", month: "short" });
export const longDay = shown({ weekday: "long", day: "numeric", month: "long" });
export const shortDay = shown({ day: "numeric", month: "short" });
export const weekdayName = shown({ weekday: "narrow" });
export const longWeekday = shown({ weekday: "long" });

/** "lun. 3 mai 08:00" of a time. */
export const moment = (stamp) => `${dayName(stamp.slice(0, 10))} ${stamp.slice(11, 16)}`;

/** A span in words; the date of its end only when it is another one. */
export function spanOf({ start, end }) {
  return `${moment(start)} – ${start.slice(0, 10) === end.slice(0, 10) ? end.slice(11, 16) : moment(end)}`;
}

/** So many minutes in words; whole days once there are some. */
export function lasting(minutes) {
  return words.hours(Math.floor(minutes / 60), minutes % 60);
}
