// Two groups of users side by side, and how far they are apart: the difference as a dot with its interval as a whisker beside the
// line of none, in a table that says the same in numbers.

import { el, place } from "./dom.js";
import { percent, plural } from "./format.js";

// points writes a difference of two shares.
export function points(v) {
  if (v === null || v === undefined) return "–";
  const text = Math.abs(v * 100).toFixed(1);
  return text === "0.0" ? text : (v < 0 ? "\u2212" : "+") + text;
}

export const range = ({ difference_low: low, difference_high: high }) => `between ${points(low)} and ${points(high)}`;

// apart takes rows { name, value, n, other_value, other_n, difference, difference_low, difference_high, few }; the last three are
// null where the groups cannot be compared. heads name what the rows are, and the two groups.
export function apart(rows, heads) {
  const enough = rows.some((row) => row.difference !== null && !row.few) ? rows.filter((row) => !row.few) : rows; // else all would be squeezed
  const most = 1.05 * Math.max(0.01, ...enough.flatMap((row) => [row.difference_low, row.difference_high]).map((v) => Math.abs(v ?? 0)));
  const share = (v) => `${(Math.min(1, Math.max(-1, v / most)) * 50 + 50).toFixed(2)}%`;
  const head = (name, text) => el("th", { scope: "col", class: name }, text);
  const whole = el("table", { class: "whiskers apart" },
    el("thead", {}, el("tr", {}, head("", heads.row), head("wide", `${points(-most)} to ${points(most)} points`), head("number", heads.one), head("number", heads.other), head("number", "Difference"), head("range", "Likely range"))),
    el("tbody", {}, rows.map((row) => rowOf(row, share, heads))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${heads.one} and ${heads.other}` }, whole);
}

function rowOf(row, share, heads) {
  const compared = row.difference !== null;
  const title = `${row.name}: ${percent(row.value)} of ${plural(row.n, "user")} (${heads.one}), ${percent(row.other_value)} of ${plural(row.other_n, "user")} (${heads.other})` +
    (compared ? `; difference ${points(row.difference)} points, ${range(row)}${row.few ? ", few users: it says little" : ""}` : "");
  return el("tr", { class: row.few ? "few" : null, title },
    el("th", { scope: "row" }, row.name),
    el("td", { class: "wide" }, track(row, share)),
    el("td", { class: "number share" }, percent(row.value)),
    el("td", { class: "number share" }, percent(row.other_value)),
    el("td", { class: "number" }, points(row.difference)),
    el("td", { class: "range" }, compared ? `${points(row.difference_low)} to ${points(row.difference_high)}` : "–"));
}

function track({ difference, difference_low: low, difference_high: high }, share) {
  const none = place(el("span", { class: "overall" }), { at: share(0) });
  const marks = difference === null
    ? [el("span", { class: "soon" }, "too early")]
    : [place(el("span", { class: "whisker" }), { from: share(low), to: share(high) }), place(el("span", { class: "dot" }), { at: share(difference) })];
  return el("div", { class: "track", "aria-hidden": "true" }, none, marks);
}
