// Incidents: what was noticed, numbered as on the line.

import { el, facts } from "./dom.js";
import { addDays, localDay, moment, percent } from "./format.js";

const states = { opened: "open", updated: "open", no_data: "open, no data", resolved: "resolved" };
const columns = {
  incident_id: ["Incident"],
  state: ["State"],
  severity: ["Severity"],
  reason: ["Reason"],
  window_start: ["From", (v) => moment(v)],
  window_end: ["To", (v) => moment(v)],
  summary: ["What"],
};

// incidents fills the panel and returns marks for the line, oldest first.
export async function incidents(p, { metric, chosen, to, inTime }) {
  let marks = [];
  const told = (rows) => (marks = marksOf(rows, chosen, inTime));
  await p.load("incidents", { metric: metric.name }, (rows) => list(told(rows), rows, to), { columns, told });
  return marks;
}

function list(marks, rows, to) {
  if (!rows.length) return "Nothing was noticed.";
  if (!marks.length) return "Nothing was noticed in this time; there are incidents at other times.";
  return el(
    "ol",
    { class: "happenings" },
    marks.map((mark) => item(mark, to)),
  );
}

function marksOf(rows, chosen, inTime) {
  return rows
    .map((row) => ({ kind: "bad", row, ...span(row), strong: row.incident_id === chosen.incident }))
    .filter(inTime)
    .sort((a, b) => a.from - b.from)
    .map((mark, i) => ({ ...mark, label: String(i + 1) }));
}

// span is from an incident's opening to the end of the window judged last, in seconds.
function span(row) {
  const from = new Date(row.window_start),
    opened = new Date(messageOf(row).opened_at ?? row.window_start);
  return { from: Math.min(from, opened) / 1000, until: new Date(row.window_end) / 1000 };
}

// messageOf is what went to on-call; the row says enough when it cannot be read.
function messageOf(row) {
  try {
    const message = JSON.parse(row.message || "{}");
    return message.data ?? message;
  } catch {
    return {};
  }
}

function item({ row, label, strong }, to) {
  const message = messageOf(row);
  return el(
    "li",
    { class: strong ? "bad chosen" : "bad" },
    el("span", { class: "flag bad", "aria-hidden": "true" }, label),
    el(
      "div",
      {},
      el("p", {}, el("strong", {}, message.title || row.summary || row.reason)),
      message.title && row.summary ? el("p", {}, row.summary) : null,
      el(
        "p",
        { class: "quiet" },
        `${row.severity}, ${states[row.state] ?? row.state} · ${moment(row.window_start)} to ${moment(row.window_end)} · `,
        el(
          "a",
          {
            href: to(strong ? { incident: undefined } : { ...around(row), incident: row.incident_id }),
            "data-key": `incident-${row.incident_id}`,
            "aria-current": strong ? "true" : null,
          },
          strong ? "stop highlighting" : "show on the line",
        ),
      ),
      strong ? details(row, message) : null,
    ),
  );
}

// around is the time to show an incident in: three weeks before it and one after.
export const around = (row) => ({
  range: undefined,
  from: addDays(localDay(row.window_start), -21),
  until: addDays(localDay(row.window_end), 7),
});

// details are what the message to on-call says beyond the summary.
function details(row, message) {
  const share = (c) =>
    `${c.segment} ${c.segment_value} (${percent(c.explains)} of the change: ${percent(c.rate)}, expected ${percent(c.expected)})`;
  return facts({ class: "facts" }, [
    ["What to do", message.metric?.action],
    ["Mostly", (message.contributors ?? []).slice(0, 3).map(share).join("; ")],
    ["Why", { rate: "People do less than before.", mix: "Other people came than before." }[message.rate_versus_mix?.cause]],
    ["Also", (message.also ?? []).map((a) => a.summary).join(" ")],
    ["Users fewer than expected", row.users_lost > 0 ? String(Math.round(row.users_lost)) : null],
    ["Judged by", row.method],
    ["SQL", message.sql ? el("code", {}, message.sql) : null],
  ]);
}
