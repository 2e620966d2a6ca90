// The pipeline's health, at the foot of every screen: is what is shown all there is?

import { ask } from "./api.js";
import { el, facts, replace, table, term } from "./dom.js";
import { addDays, ago, count, localDay, moment, plural } from "./format.js";
import { source } from "./source.js";

const waiting = () => term("Waiting", "Events that have arrived and are not counted yet. A few are normal.");
const refused = () => term("Refused", "Events that could not be counted. They are kept in the stream EVENTS_DEAD with the reason.");

export function health(footer, about) {
  const state = el("div");
  const sources = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events by source" });
  const [progress, volume] = [source("Pipeline"), source("Events by source")];
  let asked = false;
  footer.replaceChildren(
    el("div", { class: "titled" }, el("h2", {}, "Is this all there is?"), progress.buttons),
    progress.text,
    state,
    el("div", { class: "titled" }, el("h3", {}, "Events by source since yesterday"), volume.buttons),
    volume.text,
    sources,
  );

  function show(answer, asOf, collected) {
    progress.show(answer);
    replace(state, facts({ class: "facts" }, [...accounts(answer, asOf), ...(collected ? [[overHTTP(), collectedText(collected)]] : [])]));
    if (asOf && !asked) refresh(asOf);
  }

  // refresh reads which source sent how much since yesterday.
  async function refresh(asOf) {
    if (!asOf) return;
    asked = true;
    const window = ["1h", "1d"].find((w) => about.windows.includes(w));
    if (!window) {
      replace(sources, el("p", { class: "empty" }, "This needs hours or days among the catalog's windows."));
      return;
    }
    const answer = await ask("sources", { window, from: addDays(localDay(asOf), -1) }).catch(() => null);
    if (!answer) return;
    volume.show(answer);
    const rows = answer.rows.map((row) => [row.source, count(row.total), count(row.names), "before " + moment(row.newest)]);
    const none = el("p", { class: "empty" }, "No event has come since yesterday.");
    replace(sources, rows.length ? table({ class: "sources" }, ["Source", "Events", "Kinds of events", "Newest"], rows) : none);
  }
  return { show, refresh };
}

const overHTTP = () => term("Over HTTP", "What the collector in this process has taken since it started. Whoever sent what was refused was told why.");

function collectedText({ stored, refused, unavailable }) {
  const rest = [refused && `${count(refused)} refused`, unavailable && `${count(unavailable)} to be sent again`].filter(Boolean);
  return [`${plural(stored, "event")} stored`, ...rest].join(", ");
}

// accounts sums up what the partitions say.
function accounts({ rows, stale }, asOf) {
  const sum = (name) => rows.reduce((total, p) => total + p[name], 0);
  const reported = rows
    .map((p) => p.updated_at)
    .sort()
    .at(-1);
  return [
    ["Counted up to", asOf ? moment(asOf, { dateStyle: "medium", timeStyle: "medium" }) : "…"],
    [waiting(), rows.length ? plural(sum("lag"), "event") : "nothing yet"],
    ["Received", `${plural(sum("received"), "message")}: ${count(sum("applied"))} counted, ${count(sum("ignored"))} set aside`],
    [refused(), deadText(rows)],
    ...held(rows),
    ["Worker reported", reported ? ago(reported, new Date()) + (stale ? " (database away)" : "") : "not yet"],
  ];
}

// held says which worker has how many partitions, where there are several.
function held(rows) {
  const workers = {};
  for (const p of rows) if (p.worker) workers[p.worker] = (workers[p.worker] ?? 0) + 1;
  const names = Object.keys(workers).sort();
  return names.length > 1 ? [["Workers", names.map((name) => `${name}: ${plural(workers[name], "partition")}`).join(", ")]] : [];
}

// deadText counts dead letters by reason, most first.
function deadText(rows) {
  const dead = {};
  for (const p of rows) for (const [reason, n] of Object.entries(p.dead)) dead[reason] = (dead[reason] ?? 0) + n;
  const reasons = Object.entries(dead)
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1]);
  return reasons.map(([reason, n]) => `${count(n)} ${reason.replaceAll("_", " ")}`).join(", ") || "none";
}
