// The difference of two variants from day to day: a line with a band that narrows as users come, and the strip of differences that are not
// worth having.

import { points, range } from "./apart.js";
import { day, plural, shortDay } from "./format.js";
import { plot } from "./plot.js";
import { font, theme } from "./theme.js";

const daySeconds = 86400;

// sequence draws rows of one variant, oldest first.
export function sequence(host, rows, { least, variant, control }) {
  const x = rows.map((row) => Date.parse(row.exposed_on + "T00:00:00Z") / 1000);
  const column = (name) => rows.map((row) => row[name]);
  const limit = limitOf(rows, least);
  const label = `Difference of ${variant} and ${control} on ${plural(rows.length, "day")}, from ${day(rows[0].exposed_on)} to ${day(rows.at(-1).exposed_on)}. The data table below holds them all.`;

  const options = (width) => {
    const c = theme();
    const axis = { stroke: c.quiet, font, grid: { stroke: c.grid, width: 1 } };
    return {
      tzDate: (seconds) => new Date(seconds * 1e3 + new Date(seconds * 1e3).getTimezoneOffset() * 60e3),
      scales: { x: { range: () => [x[0] - daySeconds / 2, x.at(-1) + daySeconds / 2] }, y: { range: () => [-limit, limit] } },
      axes: [
        { ...axis, ticks: { stroke: c.grid }, incrs: [1, 2, 7, 14, 28, 91, 364].map((n) => n * daySeconds), space: 64, values: (u, splits) => splits.map((s) => shortDay(new Date(s * 1e3).toISOString().slice(0, 10))) },
        { ...axis, ticks: { show: false }, size: 56, values: (u, splits) => splits.map((v) => points(v).replace(/\.0$/, "")) },
      ],
      series: [
        {},
        { label: "low", stroke: "transparent", width: 0, points: { show: false } },
        { label: "high", stroke: "transparent", width: 0, points: { show: false } },
        { label: "difference", stroke: c.line, width: 2, points: { show: width > 12 * rows.length, size: 6, fill: c.line, stroke: c.line } },
      ],
      bands: [{ series: [2, 1], fill: c.band }],
      hooks: { drawClear: [(u) => strip(u, least, c)], draw: [(u) => zero(u, c)] },
    };
  };
  const data = () => [x, column("difference_low"), column("difference_high"), column("difference")];
  const read = (i) => rows[i].difference === null
    ? `${day(rows[i].exposed_on)}: not yet comparable`
    : `Up to ${day(rows[i].exposed_on)}: ${points(rows[i].difference)} points, ${range(rows[i])}, with ${plural(rows[i].eligible_to_date, "user")} of ${variant}`;
  return plot(host, label, options, data, read, "Point at the line, or focus it and use the arrow keys, to read single days.");
}

// limitOf leaves out the first days, whose band holds nearly everything: else the rest would be flat.
function limitOf(rows, least) {
  const last = rows.findLast((row) => row.difference !== null);
  const reach = (row) => Math.max(Math.abs(row.difference_low), Math.abs(row.difference_high));
  const middle = rows.filter((row) => row.difference !== null);
  const then = middle[Math.floor(middle.length / 4)] ?? last;
  return Math.min(1, 1.1 * Math.max(2 * least, reach(last), Math.min(reach(then), 3 * reach(last))));
}

// strip shades the differences that are not worth having.
function strip(u, least, c) {
  const { ctx, bbox } = u;
  const top = u.valToPos(least, "y", true), bottom = u.valToPos(-least, "y", true);
  ctx.save();
  ctx.fillStyle = c.hatch;
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  ctx.restore();
}

// zero is the line of no difference.
function zero(u, c) {
  const { ctx, bbox } = u;
  const y = u.valToPos(0, "y", true);
  ctx.save();
  ctx.strokeStyle = c.quiet;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
