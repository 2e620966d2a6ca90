// Annotations: what people and machines said happened, lettered as on the line.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { effect } from "./effect.js";
import { moment } from "./format.js";

const columns = {
  time: ["When", (v) => moment(v)],
  until: ["Until", (v) => (v ? moment(v) : "–")],
  kind: ["Kind"],
  title: ["What"],
  text: ["More"],
  author: ["Who"],
  source: ["From"],
};

// annotations fills the panel and returns marks for the line, oldest first.
export async function annotations(p, { metric, chosen, inTime }) {
  let marks = [];
  const told = (rows) => (marks = marksOf(rows, inTime));
  const asked = { metric: metric.name, from: chosen.from, until: chosen.until };
  await p.load("annotations", asked, (rows) => list(told(rows)), { columns, told });
  if (marks.some(({ row }) => row.kind === "action" && row.metric === metric.name)) tellEffects(p, metric);
  return marks;
}

// tellEffects says beside each action what it did, once that is asked; the rest is shown before.
async function tellEffects(p, metric) {
  const answer = await ask("effects", { metric: metric.name }).catch(() => null); // what is shown is right without
  for (const row of answer?.rows ?? []) {
    const place = [...p.node.querySelectorAll(".effect")].find((node) => node.dataset.of === key(row));
    if (place) place.textContent = effect(row);
  }
}

const key = (row) => `${row.source} ${row.id}`;

function list(marks) {
  if (marks.length) return el("ol", { class: "happenings" }, marks.map(item));
  return el("p", { class: "empty" }, "There is no annotation in this time. People write one with the command ", el("code", {}, "firstlight annotate"), ".");
}

const marksOf = (rows, inTime) =>
  rows
    .map((row) => ({ kind: "annotation", row, from: new Date(row.time) / 1000, until: new Date(row.until ?? row.time) / 1000 }))
    .filter(inTime)
    .sort((a, b) => a.from - b.from)
    .map((mark, i) => ({ ...mark, label: letter(i) }));

// letter counts a, b, … z, aa, ab, …
const letter = (i) => (i < 26 ? "" : letter(Math.floor(i / 26) - 1)) + String.fromCharCode(97 + (i % 26));

function item({ row, label }) {
  const web = /^https?:\/\//.test(row.url);
  return el(
    "li",
    { class: "annotation" },
    el("span", { class: `flag annotation ${row.kind}`, "aria-hidden": "true" }, label),
    el(
      "div",
      {},
      el("p", {}, web ? el("a", { href: row.url, rel: "noreferrer noopener", target: "_blank" }, row.title) : el("strong", {}, row.title)),
      el(
        "p",
        { class: "quiet" },
        [row.kind, moment(row.time) + (row.until ? ` to ${moment(row.until)}` : ""), row.author || row.source].filter(Boolean).join(" · "),
      ),
      row.text ? el("p", {}, row.text) : null,
      row.kind === "action" ? el("p", { class: "effect", "data-of": key(row) }) : null,
    ),
  );
}
