// Asking the server. When it, or the database behind it, is away, the last answer stands, with its age. Those of the home
// screen outlive the page, so that it shows numbers at once; none of them tells of single users.

const last = new Map(); // by address
const kept = 300;
const outliving = /^(status|catalog|maturity|[a-z]+_line)$/;
const storeEvery = 10_000; // ms
const stored = new Map(); // when, by name
let away = null; // since when, and why
const listeners = new Set();

export class Refused extends Error {}

export function onReach(listener) {
  listeners.add(listener);
}

function reached(error) {
  away = error ? { why: error.message, since: away?.since ?? Date.now() } : null;
  for (const listener of listeners) listener(away);
}

function address(name, values, format) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(values))
    if (value !== undefined && value !== null && (value !== "" || key === "value")) given.set(key, value);
  const query = given.toString();
  return `/api/${name}.${format}${query ? "?" + query : ""}`;
}

// ask returns { rows, columns, sql, csv, truncated, at, stale }; each row is an object.
export async function ask(name, values = {}) {
  const url = address(name, values, "json");
  try {
    const answer = await get(url);
    const result = { ...answer, rows: objects(answer), csv: address(name, values, "csv"), at: Date.now(), stale: false };
    remember(url, result);
    store(name, values, url, result);
    reached(null);
    return result;
  } catch (error) {
    if (error instanceof Refused) throw error;
    reached(error);
    if (last.has(url)) return { ...last.get(url), stale: true };
    throw error;
  }
}

async function get(url) {
  const answer = await fetch(url, { cache: "no-store" }).catch(() => {
    throw new Error("Firstlight does not answer");
  });
  const body = await answer.json().catch(() => ({ error: `the server answered with status ${answer.status}` }));
  if (answer.status === 401) location.reload(); // the session has ended: the address asks for the token
  if (answer.status === 503) throw new Error(body.error);
  if (!answer.ok) throw new Refused(body.error);
  return body;
}

export const product = () => get("/api/product");

function objects({ columns, rows }) {
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
}

function remember(url, result) {
  last.delete(url);
  last.set(url, result);
  if (last.size > kept) last.delete(last.keys().next().value);
}

// lastOf returns the last answer to a question, also that of an earlier visit; null when there is none.
export function lastOf(name, values = {}) {
  const url = address(name, values, "json");
  if (last.has(url)) return last.get(url);
  try {
    const answer = JSON.parse(localStorage.getItem(`firstlight ${name}`));
    return answer?.url === url ? answer : null;
  } catch {
    return null; // there is no storage, or something else in it
  }
}

// store keeps the newest answer of a name, for all metrics.
function store(name, values, url, { rows, at }) {
  if (!outliving.test(name) || values.metric || at - (stored.get(name) ?? 0) < storeEvery) return;
  stored.set(name, at);
  try {
    localStorage.setItem(`firstlight ${name}`, JSON.stringify({ url, rows, at }));
  } catch {
    // There is no storage, or it is full: the next visit begins without numbers.
  }
}
