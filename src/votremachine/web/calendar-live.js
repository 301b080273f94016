// What changes, as it changes: server-sent events, read from fetch because EventSource sends no token (docs/live.md).

import { SignedOut, ask, renewNext } from "./calendar-session.js";

const SILENCE_MS = 40_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Follow `path` until `signal` aborts. `changed()` is called when what is shown may be old, `lost()` when the line is
 * down, `live()` when it stands, `out()` when nobody is signed in any more.
 */
export async function follow(path, signal, { changed, live, lost, out }) {
  const line = { last: null, retry: 2000, failures: 0 };
  while (!signal.aborted) {
    try {
      await hear(path, signal, line, { changed, live });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SignedOut) return out();
      line.failures += 1;
      lost();
    }
    await pause(Math.min(line.retry * 2 ** Math.max(0, line.failures - 1), LONGEST_PAUSE_MS), signal);
  }
}

/** One line from its opening to its end. */
async function hear(path, signal, line, { changed, live }) {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop);
  let silence = setTimeout(stop, SILENCE_MS);
  try {
    const headers = line.last ? { "Last-Event-ID": line.last } : {};
    const answer = await ask(path, { headers, signal: attempt.signal });
    if (answer.status === 422) line.last = null; // an id that this service does not know
    if (!answer.ok) throw new Error(`the line answered ${answer.status}`);
    for await (const block of blocks(answer.body)) {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
      if (block.id) line.last = block.id;
      if (block.retry) line.retry = Number(block.retry);
      if (block.event) take(block, line, { changed, live });
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
    attempt.abort();
  }
}

function take({ event, data }, line, { changed, live }) {
  const said = JSON.parse(data ?? "{}");
  if (event === "ended") {
    if (said.reason === "seats_changed") line.last = null;
    if (said.reason === "token_expired") renewNext();
    return;
  }
  if (event === "ready") {
    line.failures = 0;
    live();
    if (said.resumed) return;
  }
  changed();
}

/** The blocks of a stream, as their fields. */
async function* blocks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (left + value).split("\n\n");
    left = parts.pop();
    for (const part of parts) yield fields(part);
  }
}

function fields(part) {
  const found = {};
  for (const row of part.split("\n")) {
    const [, name, value] = row.match(/^(\w+): ?(.*)$/) ?? [];
    if (name) found[name] = value;
  }
  return found;
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
