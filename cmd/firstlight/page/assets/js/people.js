// Whom to talk to: users who can still make it but are slower than most who did, newest first. The only place of the
// page that shows who somebody is.

import { el } from "./dom.js";
import { ago, duration, moment } from "./format.js";
import { whom } from "./panels.js";

const shown = 25;

export function people(p, context) {
  const { metric, chosen, status } = context;
  if (metric.kind === "adoption") {
    p.node.hidden = true;
    return Promise.resolve();
  }
  p.say(
    `Users who can still make it, but are slower than 75\u202f% of those who did: the newest of ${whom(context)}, with the step they miss.`,
  );
  return p.load(
    "stalled",
    { metric: metric.name, cohort: chosen.cohort, segment: chosen.segment, value: chosen.value },
    (rows) => {
      if (!rows.length) return "Nobody is stuck right now: everybody is there, or still within the usual time.";
      return [
        el(
          "div",
          { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stalled users" },
          el(
            "table",
            { class: "people", "data-people": Math.min(shown, rows.length) },
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                ["User", "Misses", "Steps done", "Joined", "Last seen", "Time left", "Segments"].map((h) => el("th", { scope: "col" }, h)),
              ),
            ),
            el(
              "tbody",
              {},
              rows.slice(0, shown).map((row) =>
                el(
                  "tr",
                  {},
                  el("th", { scope: "row" }, row.user_id),
                  el("td", {}, row.next_step || "–"),
                  el("td", {}, String(row.steps_done)),
                  when(row.entered_at, status.as_of),
                  when(row.last_seen_at, status.as_of),
                  el(
                    "td",
                    {},
                    row.expires_at ? duration(Math.max(0, (new Date(row.expires_at) - new Date(status.as_of)) / 1000)) : "no limit",
                  ),
                  el(
                    "td",
                    {},
                    Object.entries(row.segments)
                      .map(([k, v]) => `${k} ${v}`)
                      .join(", "),
                  ),
                ),
              ),
            ),
          ),
        ),
        rows.length > shown ? el("p", { class: "quiet" }, `The newest ${shown}. The data table and the CSV have up to 100.`) : null,
      ];
    },
    {
      user_id: ["User"],
      next_step: ["Misses"],
      steps_done: ["Steps done"],
      entered_at: ["Joined", (v) => moment(v)],
      last_seen_at: ["Last seen", (v) => moment(v)],
      expires_at: ["Time ends", (v) => (v ? moment(v) : "–")],
    },
  );
}

const when = (at, now) => el("td", { title: moment(at) }, ago(at, now));
