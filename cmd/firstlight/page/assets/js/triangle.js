// The cohort triangle's panel: a row for each cohort, and for most kinds of metrics a column for each age.

import { ageColumns } from "./columns.js";
import { age, cohortName, count, plural } from "./format.js";
import { heat } from "./heat.js";

const mostCohorts = 40;
export const nobody = "No cohort has joined in this time: choose a longer one.";

// loadTriangle draws it, by age unless the kind does it otherwise; cohorts will be the cohorts' rows.
export function loadTriangle(p, cohorts, values, context, draw = byAge) {
  const { metric, chosen, to } = context;
  const sizes = cohorts.then((rows) => Object.fromEntries(rows.map((row) => [row.cohort_start, row.entered])));
  // line is one cohort's, with cells by column.
  const line = (start, size, cells) => ({
    name: cohortName(start, metric.grain, true), key: `triangle-${start}`, chosen: start === chosen.cohort,
    size: count(size ?? 0), link: to({ cohort: start === chosen.cohort ? undefined : start }), cells: new Map(cells),
  });
  return draw(p, values, context, line, sizes);
}

// byAge is for metrics whose users are followed from when they joined.
function byAge(p, values, { about, metric }, line, sizes) {
  p.say(`Each row is everybody who joined in the same ${metric.grain}. Read along it: how many had got there by each age, in %. ` +
    "Read down a column: is it getting better? Hatched cells may still change: not all of the row are that old yet. " + colourless(about));
  const draw = (rows, size) => {
    if (!rows.length) return nobody;
    const ages = thin([...new Set(rows.map((row) => row.age_seconds))].sort((a, b) => a - b));
    const columns = ages.map((a) => ({ key: a, name: age(a), long: `after ${age(a)}` }));
    const lines = byCohort(rows).map(([start, own]) =>
      line(start, size[start], own.filter((row) => row.value !== null).map((row) => [row.age_seconds, { ...row, open: !row.is_mature, few: row.n < about.least_users }])));
    return heat(columns, lines, "Joined", "Users");
  };
  return p.load("progress", values, draw, { columns: ageColumns(metric.grain), beside: sizes });
}

export const colourless = (about) => `Hatched without colour: fewer than ${plural(about.least_users, "user")}, which says little.`;

// byCohort groups rows, which come newest cohort first.
export const byCohort = (rows) => [...Map.groupBy(rows, (row) => row.cohort_start)].slice(0, mostCohorts);

// thin keeps at most about 16 ages: all of a week, then fewer.
function thin(ages) {
  if (ages.length <= 16) return ages;
  const days = [1, 2, 3, 4, 7, 14, 21, 28, 56, 91, 182, 364, 728];
  const good = [60, 900, 3600, 14400, 43200, ...days.map((d) => d * 86400)];
  return good.filter((a) => ages.includes(a));
}
