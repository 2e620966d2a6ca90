// Incidents and notes: numbered as the marks on the line are.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { addDays, localDay, moment } from "./format.js";

const states = { opened: "open", updated: "open", no_data: "open, no data", resolved: "resolved" };

// happenings fills the panel and returns the list: { kind, from, until, label, row }.
export async function happenings(p, { metric, chosen, to }) {
  const incidents = await ask("incidents", { metric: metric.name });
  let list = incidents.rows.map((row) => ({ kind: "bad", row, from: new Date(row.window_start) / 1000, until: new Date(row.window_end) / 1000 }));
  let notes = null;
  await p.load("annotations", { metric: metric.name, from: chosen.from, until: chosen.until }, (rows) => {
    notes = rows;
    const all = numbered([...list, ...rows.map(noteMark)], chosen);
    list = all;
    if (!all.length) return "Nothing was noticed or noted in this time.";
    return el("ol", { class: "happenings", "data-items": all.length }, all.map((item) => (item.kind === "bad" ? incidentItem(item, chosen, to) : noteItem(item))));
  }, { time: ["When", (v) => moment(v)], kind: ["Kind"], title: ["What"], text: ["More"], author: ["Who"], source: ["From"] });
  if (notes === null) list = numbered(list.filter((item) => item.kind === "bad"), chosen);
  return list;
}

const noteMark = (row) => ({ kind: "note", row, from: new Date(row.time) / 1000, until: row.until ? new Date(row.until) / 1000 : new Date(row.time) / 1000 });

// numbered keeps what lies in the time shown, oldest first.
function numbered(list, chosen) {
  const from = chosen.from ? new Date(chosen.from) / 1000 - 86400 : -Infinity;
  const until = chosen.until ? new Date(chosen.until) / 1000 + 2 * 86400 : Infinity;
  return list.filter((item) => item.until >= from && item.from < until).sort((a, b) => a.from - b.from).map((item, i) => ({ ...item, label: String(i + 1) }));
}

export const marksOf = (list, chosen) => list.map((item) => ({ ...item, strong: item.kind === "bad" && item.row.incident_id === chosen.incident }));

function incidentItem({ row, label }, chosen, to) {
  const on = row.incident_id === chosen.incident;
  const open = row.state !== "resolved";
  return el("li", { class: ["bad", on ? "chosen" : "", open ? "open" : ""].join(" "), id: `incident-${row.incident_id}` },
    el("span", { class: "flag bad", "aria-hidden": "true" }, label),
    el("div", {},
      el("p", {}, el("strong", {}, row.summary || row.reason)),
      el("p", { class: "quiet" }, `${row.severity}, ${states[row.state] ?? row.state} · ${moment(row.window_start)} to ${moment(row.window_end)} · `,
        el("a", { href: to({ ...around(row), incident: on ? undefined : row.incident_id }), "data-key": `incident-${row.incident_id}`, "aria-current": on ? "true" : null }, on ? "stop highlighting" : "show on the line")),
      on ? details(row) : null));
}

// around is the time to show an incident in: three weeks before it and one after.
const around = (row) => ({ range: undefined, from: addDays(localDay(row.window_start), -21), until: addDays(localDay(row.window_end), 7) });

// details are what the message to on-call says beyond the summary.
function details(row) {
  let message = {};
  try { message = JSON.parse(row.message || "{}"); } catch { /* the row says enough */ }
  const facts = Object.entries(message.data ?? message).filter(([, v]) => ["string", "number", "boolean"].includes(typeof v) && String(v).length < 300);
  return facts.length ? el("dl", { class: "facts" }, facts.map(([k, v]) => el("div", {}, el("dt", {}, k.replaceAll("_", " ")), el("dd", {}, String(v))))) : null;
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
