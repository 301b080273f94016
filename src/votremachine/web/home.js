// The first page with a script: the visitor's language, the people of the demo, and lines to try that name this address.

const WORDS = {
  fr: {
    token: (who, minutes) => `Jeton d’accès de ${who}, bon pour ${minutes} minutes :`,
    failed: "La connexion a échoué. Réessayez dans un moment.",
  },
  en: {
    token: (who, minutes) => `Access token of ${who}, good for ${minutes} minutes:`,
    failed: "Signing in failed. Try again in a moment.",
  },
};
const demo = document.querySelector(".demo");

function language() {
  return location.hash === "#en" ? "en" : "fr";
}

/** English on the first visit of those who read it rather than French; #fr or #en in the address decides otherwise. */
function greet() {
  const known = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "fr" || tag === "en");
  if (location.hash === "" && known === "en") location.replace("#en");
}

async function speak() {
  document.documentElement.lang = language();
  const answer = await fetch("/v1/demo", { headers: { "Accept-Language": language() } });
  if (!answer.ok) return; // a real service has no demo
  const { sign_ins: offered } = await answer.json();
  demo.querySelector(".people").replaceChildren(...offered.map(card));
  demo.querySelector(".password code").textContent = offered[0].password;
  demo.hidden = false;
  fillIn("vous@ferme.example", offered[0].email);
  fillIn('"password":"…"', `"password":"${offered[0].password}"`);
}

function card(person) {
  const made = demo.querySelector("template").content.cloneNode(true);
  const [name, button] = [made.querySelector("strong"), made.querySelector("button")];
  name.textContent = person.who;
  name.id = person.email;
  button.setAttribute("aria-describedby", name.id);
  button.addEventListener("click", () => showToken(person));
  made.querySelector(".about").textContent = person.about;
  const [box, domain] = person.email.split("@");
  made.querySelector(".email").append(box, document.createElement("wbr"), `@${domain}`);
  return made;
}

async function showToken({ email, password, who }) {
  const words = WORDS[language()];
  const shown = demo.querySelector(".token");
  const [said, token] = [shown.querySelector("[role=status]"), shown.querySelector("code")];
  shown.hidden = false;
  const pair = await signIn(email, password).catch(() => null);
  said.textContent = pair ? words.token(who, pair.expires_in / 60) : words.failed;
  token.textContent = pair ? pair.access_token : "";
  if (pair) getSelection().selectAllChildren(token); // ready to be copied
  shown.scrollIntoView({ block: "nearest" });
}

async function signIn(email, password) {
  const body = JSON.stringify({ email, password });
  const answer = await fetch("/v1/auth/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!answer.ok) throw new Error(`signing in answered ${answer.status}`);
  return answer.json();
}

function fillIn(blank, value) {
  for (const line of document.querySelectorAll(".curl")) line.textContent = line.textContent.replace(blank, value);
}

addEventListener("hashchange", speak);
fillIn("http://127.0.0.1:8000", location.origin);
greet();
speak();
