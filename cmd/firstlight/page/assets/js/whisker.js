// Values side by side, each a dot with its interval as a whisker, in a table that says the same in numbers.

import { el, place } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { words } from "./kinds/words.js";
import { betweenOf, saysPlain, valueOf } from "./words.js";

// whiskers takes groups [{ title, rows: [{ name, key, link, chosen, value, low, high, n, open, few }] }]. overall is
// drawn through all of them.
export function whiskers(kind, groups, { overall, firstHead }) {
  const text = valueOf(kind);
  const rows = groups.flatMap((group) => group.rows);
  const most = Math.max(...rows.flatMap((row) => [row.value, boundOf(kind, row)]), overall ?? 0, words(kind).time ? 1 : 0.001);
  const scale = { top: most * 1.05, share: (v) => `${(Math.min(1, v / (most * 1.05)) * 100).toFixed(2)}%` };
  const head = (name, text) => el("th", { scope: "col", class: name }, text);
  return el("table", { class: "whiskers" },
    el("thead", {}, el("tr", {}, head("", firstHead), head("wide", `0 to ${text(most)}`), head("number", "Value"), head("range", "Likely range"), head("number users", "Users"))),
    groups.map((group) => el("tbody", {}, group.title ? groupRow(group.title) : null, group.rows.map((row) => valueRow(kind, row, scale, overall)))));
}

// boundOf is the upper limit, unless it is so far out that all else would be squeezed.
const boundOf = (kind, row) => (words(kind).time && row.high > 4 * row.value ? null : row.high);

const groupRow = (title) => el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: "5" }, title));

function valueRow(kind, row, scale, overall) {
  const text = valueOf(kind);
  const bound = (v) => (v === null ? "?" : text(v));
  const may = row.open && row.value !== null;
  const name = row.link ? el("a", { href: row.link, "data-key": row.key, "aria-current": row.chosen ? "true" : null }, row.name) : row.name;
  const classes = [row.chosen && "chosen", row.open && "open", row.few && "few"].filter(Boolean).join(" ");
  return el("tr", { class: classes || null, title: saysPlain(kind, row) + (row.few && row.value !== null ? ", few users: it says little" : "") + (may ? ", may still change" : "") },
    el("th", { scope: "row" }, name),
    el("td", { class: "wide" }, track(row, scale, overall)),
    el("td", { class: "number" }, text(row.value), may ? el("span", { class: "hidden" }, " may still change") : null),
    el("td", { class: "range" }, row.value === null ? "–" : `${bound(row.low)} – ${bound(row.high)}`),
    el("td", { class: "number users" }, count(row.n)));
}

function track(row, { top, share }, overall) {
  const line = overall === null || overall === undefined ? null : place(el("span", { class: "overall" }), { at: share(overall) });
  const marks = row.value === null
    ? [el("span", { class: "soon" }, "too young")]
    : [place(el("span", { class: "whisker" }), { from: share(row.low ?? 0), to: share(row.high ?? top) }), place(el("span", { class: "dot" }), { at: share(row.value) })];
  return el("div", { class: "track", "aria-hidden": "true" }, line, marks);
}

// funnel shows steps as bars, each with how many reached it; of a sequence also the share of those before.
export function funnel(rows, sequence) {
  return el("ol", { class: "funnel" }, rows.map((row, i) => {
    const range = row.value === null ? "" : `, ${betweenOf(percent, row.low, row.high)}`;
    const bar = place(el("span"), { share: `${((row.value ?? 0) * 100).toFixed(2)}%` });
    const onward = sequence && i && rows[i - 1].k ? ` · ${percent(row.k / rows[i - 1].k)} of those of the step before` : "";
    return el("li", { class: row.step === 0 ? "all" : null },
      el("p", {}, el("strong", {}, row.step_name), ` ${percent(row.value)} of ${plural(row.n, "user")}${range}${onward}`),
      el("div", { class: "bar", "aria-hidden": "true" }, bar));
  }));
}
