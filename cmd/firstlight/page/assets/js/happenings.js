// Incidents and notes: numbered as the marks on the line are.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { addDays, localDay, moment, percent, periodOf } from "./format.js";

const states = { opened: "open", updated: "open", no_data: "open, no data", resolved: "resolved" };

// happenings fills the panel and returns the list: { kind, from, until, label, row }.
export async function happenings(p, { metric, chosen, to }) {
  const incidents = await ask("incidents", { metric: metric.name }).then(({ rows }) => rows.map(incidentMark), () => []);
  let list = numbered(incidents, chosen);
  const items = () => el("ol", { class: "happenings", "data-items": list.length }, list.map((item) => (item.kind === "bad" ? incidentItem(item, chosen, to) : noteItem(item))));
  await p.load("annotations", { metric: metric.name, from: chosen.from, until: chosen.until }, (rows) => {
    list = numbered([...incidents, ...rows.map(noteMark)], chosen);
    return list.length ? items() : "Nothing was noticed or noted in this time.";
  }, { time: ["When", (v) => moment(v)], kind: ["Kind"], title: ["What"], text: ["More"], author: ["Who"], source: ["From"] }, JSON.stringify(incidents));
  return list;
}

const noteMark = (row) => ({ kind: "note", row, from: new Date(row.time) / 1000, until: row.until ? new Date(row.until) / 1000 : new Date(row.time) / 1000 });

// numbered keeps what lies in the time shown, oldest first.
function numbered(list, chosen) {
  const from = chosen.from ? new Date(chosen.from) / 1000 - 86400 : -Infinity;
  const until = chosen.until ? new Date(chosen.until) / 1000 + 2 * 86400 : Infinity;
  return list.filter((item) => item.until >= from && item.from < until).sort((a, b) => a.from - b.from).map((item, i) => ({ ...item, label: String(i + 1) }));
}

// marksOf are what the line shows: the list, and when the chosen cohort joined.
export function marksOf(list, chosen, metric) {
  const marks = list.map((item) => ({ ...item, strong: item.kind === "bad" && item.row.incident_id === chosen.incident }));
  if (chosen.cohort && metric.kind !== "adoption") {
    const [from, until] = periodOf(chosen.cohort, metric.grain);
    marks.push({ kind: "cohort", from: from / 1000, until: until / 1000 });
  }
  return marks;
}

function incidentItem({ row, label }, chosen, to) {
  const on = row.incident_id === chosen.incident;
  const message = messageOf(row);
  return el("li", { class: on ? "bad chosen" : "bad", id: `incident-${row.incident_id}` },
    el("span", { class: "flag bad", "aria-hidden": "true" }, label),
    el("div", {},
      el("p", {}, el("strong", {}, message.title || row.summary || row.reason)),
      message.title && row.summary ? el("p", {}, row.summary) : null,
      el("p", { class: "quiet" }, `${row.severity}, ${states[row.state] ?? row.state} · ${moment(row.window_start)} to ${moment(row.window_end)} · `,
        el("a", { href: to({ ...around(row), incident: on ? undefined : row.incident_id }), "data-key": `incident-${row.incident_id}`, "aria-current": on ? "true" : null }, on ? "stop highlighting" : "show on the line")),
      on ? details(row, message) : null));
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

// incidentMark spans an incident from its opening to the end of the window judged last.
function incidentMark(row) {
  const from = new Date(row.window_start), opened = new Date(messageOf(row).opened_at ?? row.window_start);
  return { kind: "bad", row, from: Math.min(from, opened) / 1000, until: new Date(row.window_end) / 1000 };
}

// around is the time to show an incident in: three weeks before it and one after.
export const around = (row) => ({ range: undefined, from: addDays(localDay(row.window_start), -21), until: addDays(localDay(row.window_end), 7) });

// details are what the message to on-call says beyond the summary.
function details(row, message) {
  const share = (c) => `${c.segment} ${c.segment_value} (${percent(c.explains)} of the change: ${percent(c.rate)}, expected ${percent(c.expected)})`;
  const facts = [
    ["What to do", message.metric?.action],
    ["Mostly", (message.contributors ?? []).slice(0, 3).map(share).join("; ")],
    ["Why", { rate: "People do less than before.", mix: "Other people came than before." }[message.rate_versus_mix?.cause]],
    ["Also", (message.also ?? []).map((a) => a.summary).join(" ")],
    ["Users fewer than expected", row.users_lost > 0 ? String(Math.round(row.users_lost)) : null],
    ["Judged by", row.method],
    ["SQL", message.sql ? el("code", {}, message.sql) : null],
  ].filter(([, value]) => value);
  return facts.length ? el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))) : null;
}

function noteItem({ row, label }) {
  const web = /^https?:\/\//.test(row.url ?? "");
  return el("li", { class: "note" },
    el("span", { class: "flag note", "aria-hidden": "true" }, label),
    el("div", {},
      el("p", {}, web ? el("a", { href: row.url, rel: "noreferrer noopener", target: "_blank" }, row.title) : el("strong", {}, row.title)),
      el("p", { class: "quiet" }, [row.kind, moment(row.time) + (row.until ? ` to ${moment(row.until)}` : ""), row.author || row.source].filter(Boolean).join(" · ")),
      row.text ? el("p", {}, row.text) : null));
}
