// Whom to talk to: users who can still make it but are slower than most who did, newest first. The only place of the
// page that shows who somebody is.

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
  const { metric, chosen, asOf } = context;
  p.say(
    `Users who can still make it, but are slower than 75\u202f% of those who did: the newest of ${whom(context)}, with the step they miss.`,
  );
  const asked = { metric: metric.name, cohort: chosen.cohort, segment: chosen.segment, value: chosen.value };
  return p.load("stalled", asked, (rows) => (rows.length ? list(rows, asOf) : nobody), { columns });
}

function list(rows, now) {
  const stuck = rows.slice(0, shown).map((row) => [
    row.user_id,
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
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stalled users" }, table({ class: "people" }, heads, stuck)),
    rows.length > shown ? el("p", { class: "quiet" }, `The newest ${shown}. The data table and the CSV have up to 100.`) : null,
  ];
}

const when = (at, now) => el("span", { title: moment(at) }, ago(at, now));
