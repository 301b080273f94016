// Signing in, and asking as who is signed in. The tokens live as long as the tab does: in sessionStorage.

const KEPT = "votremachine.session";
const EARLY_MS = 30_000; // a token that ends while the question travels is no good
let renewing = null;

/** Nobody is signed in, or not any more. */
export class SignedOut extends Error {}

/** Whether somebody is signed in. */
export function signedIn() {
  return sessionStorage.getItem(KEPT) !== null;
}

/** Sign in; false when the service does not know this e-mail with this password. */
export async function signIn(email, password) {
  const answer = await post("/v1/auth/login", { email, password });
  if (answer.ok) keep(await answer.json());
  else if (answer.status >= 500 || answer.status === 429) throw new Error(`signing in answered ${answer.status}`);
  return answer.ok;
}

/** Forget the tokens; the service forgets the session, if it can be told. */
export async function signOut() {
  const pair = kept();
  sessionStorage.removeItem(KEPT);
  if (!pair) return;
  const headers = { Authorization: `Bearer ${pair.access_token}` };
  await fetch("/v1/auth/logout", { method: "POST", headers }).catch(() => {});
}

/** The access token was refused or ends: get another before the next question. */
export function renewNext() {
  const pair = kept();
  if (pair) keep(pair, 0);
}

/** GET as who is signed in, with a new token when the old one ends. Throws SignedOut, and what fetch throws. */
export async function ask(path, { headers = {}, signal } = {}) {
  for (const last of [false, true]) {
    const answer = await fetch(path, { headers: { ...headers, Authorization: `Bearer ${await token()}` }, signal });
    if (answer.status !== 401) return answer;
    if (last) break;
    renewNext();
  }
  sessionStorage.removeItem(KEPT);
  throw new SignedOut();
}

async function token() {
  const pair = kept();
  if (!pair) throw new SignedOut();
  if (Date.now() < pair.until) return pair.access_token;
  // One at a time: a refresh token is good once.
  renewing ??= renew(pair).finally(() => (renewing = null));
  return renewing;
}

async function renew({ refresh_token }) {
  const answer = await post("/v1/auth/refresh", { refresh_token });
  if (answer.status === 401) {
    sessionStorage.removeItem(KEPT);
    throw new SignedOut();
  }
  if (!answer.ok) throw new Error(`a new token was answered with ${answer.status}`);
  return keep(await answer.json()).access_token;
}

function kept() {
  return JSON.parse(sessionStorage.getItem(KEPT));
}

function keep(pair, until = Date.now() + pair.expires_in * 1000 - EARLY_MS) {
  sessionStorage.setItem(KEPT, JSON.stringify({ ...pair, until }));
  return pair;
}

function post(path, body) {
  return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
