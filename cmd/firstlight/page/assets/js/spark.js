// A small line of the last weeks with its legend: solid where it is settled, dashed where it may still change. Windows of
// few users are faded dots beside it. Windows that are not over are left out: a part of a day looks like a drop.

import { el, svg } from "./dom.js";
import { plural, windowName } from "./format.js";
import { runs } from "./runs.js";
import { valueOf } from "./words.js";

const width = 330,
  height = 52,
  edge = 5;

// spark draws rows, oldest first; fewer than `least` users are few.
export function spark(rows, kind, window, least) {
  const all = rows.map((row, i) => ({ ...row, i, open: row.is_provisional, few: row.n < least })).filter((row) => row.value !== null && row.is_settled);
  const few = all.filter((p) => p.few);
  const points = all.filter((p) => !p.few);
  if (all.length < 2) return el("p", { class: "quiet" }, "Too little for a line yet.");
  const top = Math.max(...(points.length ? points : all).map((p) => p.value)) || 1;
  const x = (p) => edge + (p.i / Math.max(1, rows.length - 1)) * (width - 2 * edge);
  const y = (p) => height - edge - Math.min(1, p.value / top) * (height - 2 * edge);
  const path = (some) => some.map((p, i) => `${i ? "L" : "M"}${x(p).toFixed(1)} ${y(p).toFixed(1)}`).join("");
  const end = points.at(-1);
  const text = valueOf(kind);
  const label = `${windowName(window)}, ${all.length} values from ${text(all[0].value)} to ${text(all.at(-1).value)}, at most ${text(top)}`;
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, "data-points": all.length },
    svg("line", { class: "base", x1: edge, x2: width - edge, y1: height - edge, y2: height - edge }),
    stretches(all).flatMap(runs).map((run) => svg("path", { class: run.open ? "open" : "firm", d: path(run.points) })),
    stretches(all).filter((s) => s.length === 1).map(([p]) => svg("circle", { cx: x(p), cy: y(p), r: 2 })),
    few.map((p) => svg("circle", { class: "few", cx: x(p), cy: y(p), r: 2.5 })),
    end ? svg("circle", { class: end.open ? "end open" : "end", cx: x(end), cy: y(end), r: 3.5 }) : null,
  );
  const legend = [
    points.some((p) => p.open) && [sample("open"), "may still change"],
    few.length > 0 && [sample("few"), `fewer than ${plural(least, "user")}`],
  ].filter(Boolean);
  return [picture, legend.length ? el("p", { class: "legend" }, legend.map((pair) => el("span", {}, pair))) : null];
}

// stretches are the parts between points of few users: the line is not drawn over those.
function stretches(points) {
  const all = [[]];
  for (const p of points) {
    if (p.few) all.push([]);
    else all.at(-1).push(p);
  }
  return all;
}

// sample is what a kind of point looks like.
const sample = (name) =>
  svg("svg", { class: "sample", viewBox: "0 0 22 8", "aria-hidden": "true" },
    name === "few" ? svg("circle", { class: name, cx: 11, cy: 4, r: 2.5 }) : svg("path", { class: name, d: "M0 4H22" }));
