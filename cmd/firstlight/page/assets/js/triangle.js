// The cohort triangle's panel: what its rows and columns are for each kind of metric.

import { ageColumns, shareColumns } from "./columns.js";
import { age, cohortName, count, moment } from "./format.js";
import { heat } from "./heat.js";
import { periodWindow } from "./windows.js";

const mostCohorts = 40, mostColumns = 28;
const nobody = "No cohort has joined in this time: choose a longer one.";

// loadTriangle draws it; cohorts will be the cohorts' rows.
export function loadTriangle(p, cohorts, values, context) {
  const { metric, chosen, to } = context;
  const sizes = cohorts.then((rows) => Object.fromEntries(rows.map((row) => [row.cohort_start, row.entered])));
  // line is one cohort's, with cells by column.
  const line = (start, size, cells) => ({
    name: cohortName(start, metric.grain, true), key: `triangle-${start}`, chosen: start === chosen.cohort,
    size: count(size ?? 0), link: to({ cohort: start === chosen.cohort ? undefined : start }), cells: new Map(cells),
  });
  return (metric.kind === "adoption" ? byWindow : byAge)(p, values, context, line, sizes);
}

// byAge is for metrics whose users are followed from when they joined.
function byAge(p, values, { metric }, line, sizes) {
  p.say(`Each row is everybody who joined in the same ${metric.grain}. Read along it: how many had got there by each age, in %. ` +
    "Read down a column: is it getting better? Hatched cells may still change: not all of the row are that old yet.");
  const draw = (rows, size) => {
    if (!rows.length) return nobody;
    const ages = thin([...new Set(rows.map((row) => row.age_seconds))].sort((a, b) => a - b));
    const columns = ages.map((a) => ({ key: a, name: age(a), long: `after ${age(a)}` }));
    const lines = byCohort(rows).map(([start, own]) =>
      line(start, size[start], own.filter((row) => row.value !== null).map((row) => [row.age_seconds, { ...row, open: !row.is_mature }])));
    return heat(columns, lines, "Joined", "Users");
  };
  return p.load("progress", values, draw, { columns: ageColumns(metric.grain), beside: sizes });
}

// byWindow is for adoption: a column is the n-th window since a cohort joined.
function byWindow(p, values, { about, metric }, line, sizes) {
  const window = periodWindow(about.windows, metric.grain);
  const unit = { "1d": "day", "1w": "week", "1mo": "month" }[window];
  if (!window) {
    p.say("");
    return p.load("adoption_triangle", { ...values, window: about.windows[0] }, () => "This needs days, weeks or months among the catalog's windows.");
  }
  p.say(`Each row is everybody who joined in the same ${metric.grain}. Read along it: of those who were active, how many used the feature ` +
    `in each ${unit} since they joined, in %. Hatched: the ${unit} is not over yet.`);
  const draw = (rows, size) => {
    if (!rows.length) return nobody;
    const starts = [...new Set(rows.map((row) => row.window_start))].sort();
    const lines = byCohort(rows).map(([start, own]) => {
      const first = starts.indexOf(own[0].window_start);
      return line(start, size[start], own.map((row) => [starts.indexOf(row.window_start) - first, { ...row, open: !row.is_settled, partial: !row.is_settled }]));
    });
    const n = Math.min(mostColumns, 1 + Math.max(...lines.flatMap((l) => [...l.cells.keys()])));
    const columns = Array.from({ length: n }, (_, i) => (i ? { key: i, name: String(i), long: `${unit} ${i} after` } : { key: 0, name: `${unit} 0`, long: `the ${unit} they joined` }));
    return heat(columns, lines, "Joined", "Users");
  };
  const day = (v) => moment(v, { day: "numeric", month: "short", year: "numeric" });
  const columns = { cohort_start: ["Joined"], window_start: [unit, day], ...shareColumns("Active users", "Used the feature") };
  return p.load("adoption_triangle", { ...values, window }, draw, { columns, beside: sizes });
}

// byCohort groups rows, which come newest cohort first.
const byCohort = (rows) => [...Map.groupBy(rows, (row) => row.cohort_start)].slice(0, mostCohorts);

// thin keeps at most about 16 ages: all of a week, then fewer.
function thin(ages) {
  if (ages.length <= 16) return ages;
  const days = [1, 2, 3, 4, 7, 14, 21, 28, 56, 91, 182, 364, 728];
  const good = [60, 900, 3600, 14400, 43200, ...days.map((d) => d * 86400)];
  return good.filter((a) => ages.includes(a));
}
