// The cohort triangle: a row per cohort, a column per age, each cell a share. Cells that may still change are hatched,
// those of few users too, and without a colour. It is a table, so it is its own text.

import { el, place } from "./dom.js";
import { percent, plural } from "./format.js";

const ramps = {
  light: ["#f1f6fb", "#c3dcf0", "#7db6dd", "#3583bb", "#0b4a80"],
  dark: ["#1c2736", "#204467", "#2b6a9c", "#5b9fd0", "#b5dcf8"],
};

// heat takes columns [{ key, name }] and lines [{ name, key, link, chosen, size, cells: Map(key -> cell) }]; a cell is
// { value, low, high, n, open, few, partial }: one of few users gets no colour, nor does a partial one, which has had only
// a part of its time.
export function heat(columns, lines, corner, sizeName) {
  const most = Math.max(0.01, ...lines.flatMap((line) => [...line.cells.values()].map((cell) => (cell.partial || cell.few ? 0 : (cell.value ?? 0)))));
  const heads = [el("th", { scope: "col" }, corner), el("th", { scope: "col", class: "size" }, sizeName), columns.map((c) => el("th", { scope: "col" }, c.name))];
  const row = (line) => el("tr", { class: line.chosen ? "chosen" : null },
    el("th", { scope: "row" }, el("a", { href: line.link, "data-key": line.key, "aria-current": line.chosen ? "true" : null }, line.name)),
    el("td", { class: "size" }, line.size),
    columns.map((c) => cellOf(line.cells.get(c.key), most, `${line.name}, ${c.long ?? c.name}`)));
  const whole = el("table", { class: "heat" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, lines.map(row)));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Cohorts by age" }, whole);
}

function cellOf(cell, most, where) {
  if (!cell || cell.value === null) return el("td", { class: "none" });
  const says = `${where}: ${percent(cell.value)} of ${plural(cell.n, "user")}, between ${percent(cell.low)} and ${percent(cell.high)}${cell.few ? ", few users: it says little" : ""}${cell.open ? ", may still change" : ""}`;
  const node = el(
    "td",
    { class: cell.partial ? "partial" : ["cell", cell.open && "open", cell.few && "few"].filter(Boolean).join(" "), title: says },
    el("span", { "aria-hidden": "true" }, cell.partial ? "…" : brief(cell.value)),
    el("span", { class: "hidden" }, says),
  );
  if (cell.partial || cell.few) return node;
  const v = cell.value / most;
  const [light, dark] = [colour(ramps.light, v), colour(ramps.dark, v)];
  return place(node, { light: light.fill, "light-ink": light.ink, dark: dark.fill, "dark-ink": dark.ink });
}

const brief = (share) => (share === 0 ? "0" : share < 0.0995 ? (share * 100).toFixed(1) : (share * 100).toFixed(0));

// colour is a point on a ramp, and black or white, whichever reads better on it.
function colour(ramp, v) {
  const at = Math.min(0.9999, Math.max(0, v)) * (ramp.length - 1);
  const [a, b] = [rgb(ramp[Math.floor(at)]), rgb(ramp[Math.floor(at) + 1])];
  const mixed = a.map((x, i) => Math.round(x + (b[i] - x) * (at % 1)));
  return { fill: `rgb(${mixed.join(" ")})`, ink: luminance(mixed) > 0.179 ? "#000000" : "#ffffff" };
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function luminance(colour) {
  const [r, g, b] = colour.map((x) => ((x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
