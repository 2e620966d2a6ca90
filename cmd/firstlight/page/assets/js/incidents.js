// Incidents: what was noticed, numbered as on the line.

import { el, facts } from "./dom.js";
import { addDays, localDay, moment, percent, titled } from "./format.js";

const states = { opened: "open", updated: "open", no_data: "open, no data", resolved: "resolved" };
const columns = {
  incident_id: ["Incident"],
  state: ["State"],
  severity: ["Severity"],
  reason: ["Reason"],
  began: ["From", (v) => moment(v)],
  ended: ["To", (v) => moment(v)],
  opening: ["What"],
  summary: ["Newest"],
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
    .map((row) => ({ kind: "bad", row, from: new Date(row.began) / 1000, until: new Date(row.ended) / 1000, strong: row.incident_id === chosen.incident }))
    .filter(inTime).sort((a, b) => a.from - b.from).map((mark, i) => ({ ...mark, label: String(i + 1) }));
}

// messageOf is what went to on-call last while the incident was open; the row says enough when it cannot be read.
function messageOf(row) {
  try {
    return JSON.parse(row.details || "{}");
  } catch {
    return {};
  }
}

function item({ row, label, strong }, to) {
  const message = messageOf(row);
  const where = to(strong ? { incident: undefined } : { ...around(row), incident: row.incident_id });
  const link = { href: where, "data-key": `incident-${row.incident_id}`, "aria-current": strong ? "true" : null };
  return el("li", { class: strong ? "bad chosen" : "bad" },
    el("span", { class: "flag bad", "aria-hidden": "true" }, label),
    el("div", {},
      el("p", {}, el("strong", {}, titled(message.title || row.reason))),
      sentences(row, message).map((text) => el("p", {}, text)),
      el("p", { class: "quiet" }, `${row.severity}, ${states[row.state] ?? row.state} · ${moment(row.began)} to ${moment(row.ended)} · `,
        el("a", link, strong ? "stop highlighting" : "show on the line")),
      strong ? details(message) : null));
}

// sentences are what was said first, last while it was open, which is what the details are of, and at the end.
const sentences = (row, message) => [...new Set([row.opening, message.summary, row.summary])].filter(Boolean);

// around is the time to show an incident in: three weeks before it and one after.
export const around = (row) => ({ range: undefined, from: addDays(localDay(row.began), -21), until: addDays(localDay(row.ended), 7) });

// details are what the message says beyond its summary.
function details(message) {
  const share = (c) => `${c.segment} ${c.segment_value} (${percent(c.explains)} of the change: ${percent(c.rate)}, expected ${percent(c.expected)})`;
  return facts({ class: "facts" }, [
    ["What to do", message.metric?.action],
    ["Mostly", (message.explained ? (message.contributors ?? []) : []).slice(0, 3).map(share).join("; ")],
    ["Why", { rate: "People do less than before.", mix: "Other people came than before." }[message.rate_versus_mix?.cause]],
    ["Also", (message.also ?? []).map((a) => a.summary).join(" ")],
    ["Users fewer than expected", message.users_lost > 0 ? String(Math.round(message.users_lost)) : null],
    ["Judged by", message.method],
    ["SQL", message.sql ? el("code", {}, message.sql) : null],
  ]);
}
