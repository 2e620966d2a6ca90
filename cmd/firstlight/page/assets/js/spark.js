// A small line of the last weeks: solid where it is settled, dashed where it may still change. Windows that are not over
// are left out: a part of a day looks like a drop.

import { el, svg } from "./dom.js";
import { valueOf, windowName } from "./format.js";
import { runs } from "./runs.js";

const width = 330,
  height = 52,
  edge = 5;

export function spark(rows, kind, window) {
  const points = rows.map((row, i) => ({ ...row, i, open: row.is_provisional })).filter((row) => row.value !== null && row.is_settled);
  if (points.length < 2) return el("p", { class: "quiet" }, "Too little for a line yet.");
  const top = Math.max(...points.map((p) => p.value)) || 1;
  const x = (p) => edge + (p.i / Math.max(1, rows.length - 1)) * (width - 2 * edge);
  const y = (p) => height - edge - (p.value / top) * (height - 2 * edge);
  const path = (some) => some.map((p, i) => `${i ? "L" : "M"}${x(p).toFixed(1)} ${y(p).toFixed(1)}`).join("");
  const end = points.at(-1);
  const text = valueOf(kind);
  const label = `${windowName(window)}, ${points.length} values from ${text(points[0].value)} to ${text(end.value)}, at most ${text(top)}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, "data-points": points.length },
    svg("line", { class: "base", x1: edge, x2: width - edge, y1: height - edge, y2: height - edge }),
    runs(points).map((run) => svg("path", { class: run.open ? "open" : "firm", d: path(run.points) })),
    svg("circle", { class: end.open ? "end open" : "end", cx: x(end), cy: y(end), r: 3.5 }),
  );
}
