// How many have got there by which time since they joined: the Kaplan-Meier estimate of one cohort with its band and
// median, the other cohorts behind it.

import { age, cohortName, duration, percent, plural } from "./format.js";
import { plot } from "./plot.js";
import { font, theme } from "./theme.js";

const marks = [60, 300, 900, 3600, 14400, 43200, 86400, 172800, 345600, 604800, 1209600, 2419200, 7257600, 31536000, 157680000];

// curve draws cohort `chosen` of rows; median is its row of ttfv_by_cohort.
export function curve(host, { rows, chosen, grain, median }) {
  const every = [...new Set(rows.map((row) => row.age_seconds))].sort((a, b) => a - b);
  const begun = every.findIndex((a) => rows.some((row) => row.age_seconds === a && row.km_rate >= 0.005));
  const ages = every.slice(Math.max(0, begun - 1)); // nothing happens before
  const of = (start) => new Map(rows.filter((row) => row.cohort_start === start).map((row) => [row.age_seconds, row]));
  const mine = of(chosen);
  const others = [...new Set(rows.map((row) => row.cohort_start))].filter((start) => start !== chosen).slice(0, 12);
  const column = (cohort, name) => ages.map((a) => cohort.get(a)?.[name] ?? null);
  const name = cohortName(chosen, grain);
  const shown = ages.filter((a) => mine.has(a) && mine.get(a).km_rate !== null);
  const label = `Curve of ${name} with ${shown.length} points: ${shown.length ? percent(mine.get(shown.at(-1)).km_rate) : "none"} by ${shown.length ? age(shown.at(-1)) : "now"}.`;

  const options = () => {
    const c = theme();
    const faint = { stroke: c.faint, width: 1, points: { show: false } };
    return {
      scales: { x: { time: false, distr: 3, range: () => [ages[0], ages.at(-1)] }, y: { range: () => [0, 1] } },
      axes: [
        {
          stroke: c.quiet,
          font,
          grid: { stroke: c.grid, width: 1 },
          ticks: { stroke: c.grid },
          splits: () => fitting(ages, host.clientWidth),
          filter: (u, splits) => splits,
          values: (u, splits) => splits.map(age),
        },
        {
          stroke: c.quiet,
          font,
          grid: { stroke: c.grid, width: 1 },
          ticks: { show: false },
          size: 56,
          values: (u, splits) => splits.map((v) => percent(v).replace(".0", "")),
        },
      ],
      series: [
        {},
        { stroke: "transparent", width: 0, points: { show: false } },
        { stroke: "transparent", width: 0, points: { show: false } },
        ...others.map(() => faint),
        { stroke: c.line, width: 2.5, points: { show: true, size: 7, fill: c.surface, stroke: c.line, width: 2 } },
      ],
      bands: [{ series: [2, 1], fill: c.band }],
      hooks: { draw: [(u) => middle(u, median, c)] },
    };
  };
  const data = () => [
    ages,
    column(mine, "km_low"),
    column(mine, "km_high"),
    ...others.map((start) => column(of(start), "km_rate")),
    column(mine, "km_rate"),
  ];
  const read = (i) => {
    const row = mine.get(ages[i]);
    if (!row || row.km_rate === null) return `After ${age(ages[i])}: not known yet, nobody of ${name} joined that long ago.`;
    const range = row.km_low === null || row.km_high === null ? "" : `, between ${percent(row.km_low)} and ${percent(row.km_high)}`;
    return `After ${age(ages[i])}: ${percent(row.km_rate)} of ${name}${range} (${plural(row.at_risk, "user")} still on the way)`;
  };
  return plot(host, label, options, data, read, "Point at the curve, or focus it and use the arrow keys, to read single values.");
}

// fitting are the marks of the axis that have room.
function fitting(ages, width) {
  const inside = marks.filter((m) => m >= ages[0] && m <= ages.at(-1));
  return width < 600 ? inside.filter((m, i) => i % 2 === 0) : inside;
}

// middle marks when half have got there, with its interval.
function middle(u, median, c) {
  if (!median || median.value === null) return;
  const { ctx, bbox } = u;
  const dpr = devicePixelRatio;
  const [first, last] = [u.scales.x.min, u.scales.x.max];
  const at = (seconds) => u.valToPos(Math.min(last, Math.max(first, seconds)), "x", true);
  const y = u.valToPos(0.5, "y", true),
    x = at(median.value);
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = c.bad;
  ctx.lineWidth = 4 * dpr;
  ctx.beginPath();
  ctx.moveTo(at(median.low ?? median.value), y);
  ctx.lineTo(at(median.high ?? last), y);
  ctx.stroke();
  ctx.lineWidth = dpr;
  ctx.setLineDash([4 * dpr, 3 * dpr]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(x, y);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `600 ${12 * dpr}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.fillText(`half after ${duration(median.value)}`, x - 8 * dpr, y - 8 * dpr);
  ctx.restore();
}
