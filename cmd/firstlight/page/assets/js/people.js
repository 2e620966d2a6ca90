// Whom to talk to: users who can still make it but are slower than most who did, newest first. Beside what people
// say (voices.js) the only place of the page that shows who somebody is.

import { ask } from "./api.js";
import { el, table } from "./dom.js";
import { ago, duration, moment } from "./format.js";
import { whom } from "./words.js";

const shown = 25;
const nobody = "Nobody is stuck right now: everybody is there, or still within the usual time.";
const heads = ["User", "Misses", "Steps done", "Joined", "Last seen", "Time left", "Segments"];
const columns = {
  user_id: ["User"],
  next_step: ["Misses"],
  steps_done: ["Steps done"],
  entered_at: ["Joined", (v) => moment(v)],
  last_seen_at: ["Last seen", (v) => moment(v)],
  expires_at: ["Time ends", (v) => (v ? moment(v) : "–")],
};

export function people(p, context) {
  const { about, metric, chosen, asOf } = context;
  p.say(
    `Users who can still make it, but are slower than 75\u202f% of those who did: the newest of ${whom(context)}, with the step they miss.`,
  );
  const asked = { metric: metric.name, cohort: chosen.cohort, segment: chosen.segment, value: chosen.value };
  const beside = about.voices ? ask("stalled_voices", { metric: metric.name }).then(({ rows }) => rows) : null;
  return p.load("stalled", asked, (rows, said) => (rows.length ? list(rows, asOf, said) : nobody), { columns, beside });
}

// list tells of the newest; said is what they wrote, null where nobody is asked for words.
function list(rows, now, said) {
  const words = new Map((said ?? []).map((row) => [row.user_id, row]));
  const stuck = rows.slice(0, shown).map((row) => [
    row.user_id,
    ...(said ? [lastWords(words.get(row.user_id), now)] : []),
    row.next_step || "–",
    String(row.steps_done),
    when(row.entered_at, now),
    when(row.last_seen_at, now),
    row.expires_at ? duration(Math.max(0, (new Date(row.expires_at) - new Date(now)) / 1000)) : "no limit",
    Object.entries(row.segments)
      .map((pair) => pair.join(" "))
      .join(", "),
  ]);
  return [
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stalled users" }, table({ class: "people" }, said ? [heads[0], "Wrote last", ...heads.slice(1)] : heads, stuck)),
    rows.length > shown ? el("p", { class: "quiet" }, `The newest ${shown}. The data table and the CSV have up to 100.`) : null,
  ];
}

const lastWords = (row, now) => (row ? el("span", { class: "words", dir: "auto", title: `${row.voice}, ${ago(row.at, now)}: ${row.text}` }, row.text) : "–");
const when = (at, now) => el("span", { title: moment(at) }, ago(at, now));
