// The pipeline's health, at the foot of every screen: is what is shown all there is?

import { ask } from "./api.js";
import { el, replace, term } from "./dom.js";
import { source } from "./source.js";
import { addDays, ago, count, localDay, moment, plural } from "./format.js";

export function health(footer, about) {
  const facts = el("dl", { class: "facts" });
  const sources = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events by source" });
  let asked = false;
  const [progress, volume] = [source("Pipeline"), source("Events by source")];
  footer.replaceChildren(
    el("div", { class: "titled" }, el("h2", {}, "Is this all there is?"), progress.buttons),
    progress.text,
    facts,
    el("div", { class: "titled" }, el("h3", {}, "Events by source since yesterday"), volume.buttons),
    volume.text,
    sources,
  );

  function show(answer, asOf) {
    const { rows, stale } = answer;
    progress.show(answer);
    const sum = (name) => rows.reduce((total, p) => total + p[name], 0);
    const dead = {};
    for (const p of rows) for (const [reason, n] of Object.entries(p.dead)) dead[reason] = (dead[reason] ?? 0) + n;
    const reported = rows
      .map((p) => p.updated_at)
      .sort()
      .at(-1);
    const lag = sum("lag");
    replace(
      facts,
      [
        ["Counted up to", asOf ? moment(asOf, { dateStyle: "medium", timeStyle: "medium" }) : "…"],
        [
          term("Waiting", "Events that have arrived and are not counted yet. A few are normal."),
          rows.length ? plural(lag, "event") : "nothing yet",
        ],
        ["Received", `${plural(sum("received"), "message")}: ${count(sum("applied"))} counted, ${count(sum("ignored"))} set aside`],
        [term("Refused", "Events that could not be counted. They are kept in the stream EVENTS_DEAD with the reason."), deadText(dead)],
        ["Worker reported", reported ? ago(reported, new Date()) + (stale ? " (database away)" : "") : "not yet"],
      ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    );
    if (asOf && !asked) refresh(asOf);
  }

  // refresh reads which source sent how much since yesterday.
  async function refresh(asOf) {
    if (!asOf) return;
    asked = true;
    const from = addDays(localDay(asOf), -1);
    const window = ["1h", "1d", "1w", "1mo"].find((w) => about.windows.includes(w));
    if (!window) return;
    const answer = await ask("sources", { window, from: window === "1h" || window === "1d" ? from : undefined }).catch(() => null);
    if (!answer) return;
    volume.show(answer);
    const { rows } = answer;
    replace(
      sources,
      rows.length
        ? el(
            "table",
            { class: "sources", "data-sources": rows.length },
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                ["Source", "Events", "Kinds of events", "Newest"].map((h) => el("th", { scope: "col" }, h)),
              ),
            ),
            el(
              "tbody",
              {},
              rows.map((row) =>
                el(
                  "tr",
                  {},
                  el("th", { scope: "row" }, row.source),
                  el("td", {}, count(row.total)),
                  el("td", {}, count(row.names)),
                  el("td", {}, "before " + moment(row.newest)),
                ),
              ),
            ),
          )
        : el("p", { class: "empty" }, "No event has come since yesterday."),
    );
  }
  return { show, refresh };
}

function deadText(dead) {
  const reasons = Object.entries(dead)
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1]);
  if (!reasons.length) return "none";
  return reasons.map(([reason, n]) => `${count(n)} ${reason.replaceAll("_", " ")}`).join(", ");
}
