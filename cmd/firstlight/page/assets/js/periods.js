// The share of users who came back in each period since they started: a line for each cohort, one of them with its band, the
// others behind it. Periods that may still change, or of few users, are faded dots beside the lines: a line down to them would look
// like a drop.

import { cohortName, percent } from "./format.js";
import { plot } from "./plot.js";
import { font, theme } from "./theme.js";

const mostOthers = 12;

// periods draws cohort `chosen` of rows of a metric's triangle; fewer than `least` users are few. unit is what a period is called,
// says(row) what the chart says about one.
export function periods(host, { rows, chosen, grain, least, unit, says }) {
  const all = Array.from({ length: 1 + Math.max(...rows.map((row) => row.period)) }, (_, k) => k);
  const of = (start) => new Map(rows.filter((row) => row.cohort_start === start).map((row) => [row.period, row]));
  const mine = of(chosen);
  const others = [...new Set(rows.map((row) => row.cohort_start))].filter((start) => start !== chosen).slice(0, mostOthers).map(of);
  const firm = (row) => Boolean(row && row.is_mature && row.n >= least);
  const column = (cohort, cell) => all.map((k) => (cohort.has(k) ? cell(cohort.get(k)) : null));
  const joined = (name) => (row) => (firm(row) ? row[name] : null);
  const apart = (row) => (firm(row) ? null : row.value);
  const name = cohortName(chosen, grain);
  const last = [...mine.values()].filter((row) => row.value !== null).at(-1);
  const label = `Lines by ${unit}, of ${name} with ${mine.size} values${last ? `: ${percent(last.value)} in ${unit} ${last.period}` : ""}; ${others.length} other cohorts behind it.`;
  const data = () => [
    all,
    column(mine, joined("low")),
    column(mine, joined("high")),
    ...others.flatMap((cohort) => [column(cohort, joined("value")), column(cohort, apart)]),
    column(mine, apart),
    column(mine, joined("value")),
  ];
  const top = Math.max(0.01, ...data().slice(1).flat().filter((v) => v !== null)) * 1.08;

  const options = () => {
    const c = theme();
    const hidden = { stroke: "transparent", width: 0, points: { show: false } };
    const dots = (size, colour) => ({ stroke: colour, paths: () => null, points: { show: true, size, fill: colour, stroke: colour } });
    return {
      scales: { x: { time: false, range: () => [-0.2, all.at(-1) + 0.2] }, y: { range: () => [0, Math.min(1, top)] } },
      axes: [
        { stroke: c.quiet, font, grid: { stroke: c.grid, width: 1 }, ticks: { stroke: c.grid }, incrs: [1, 2, 5, 10, 20, 50], space: 40, label: `${unit} since then`, labelFont: font, labelSize: 20 },
        { stroke: c.quiet, font, grid: { stroke: c.grid, width: 1 }, ticks: { show: false }, size: 56, values: (u, splits) => splits.map((v) => percent(v).replace(".0", "")) },
      ],
      series: [
        {},
        hidden,
        hidden,
        ...others.flatMap(() => [{ stroke: c.faint, width: 1, points: { show: false } }, dots(4, c.faint)]),
        dots(7, c.faint),
        { stroke: c.line, width: 2.5, points: { show: true, size: 7, fill: c.line, stroke: c.line } },
      ],
      bands: [{ series: [2, 1], fill: c.band }],
    };
  };
  const read = (i) => (mine.has(i) ? says(mine.get(i)) : `${unit} ${i}: nobody of ${name} is that old yet.`);
  return plot(host, label, options, data, read, "Point at the lines, or focus them and use the arrow keys, to read single values.");
}
