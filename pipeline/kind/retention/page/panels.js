// The panels of a retention: the columns of its triangle are periods, and so are the points of its cohorts' lines. Whether it pays
// to reach another metric is one that only it has.

import { apart, points, range } from "../../apart.js";
import { shareColumns } from "../../columns.js";
import { pick } from "../../compare.js";
import { cohortName, count, percent } from "../../format.js";
import { heat } from "../../heat.js";
import { byCohort, colourless, nobody } from "../../triangle.js";
import { saysPlain } from "../../words.js";
import { long, unit } from "./words.js";

const mostColumns = 31;

export default {
  titles: { line: "Over time, by when users joined", cohorts: "Cohort by cohort" },
  triangle,
  own: [
    { id: "periods", wide: true, title: "How many stay", load: loadPeriods },
    { id: "split", wide: true, picture: true, title: "Does it pay?", of: (metric) => metric.split, load: loadSplit },
  ],
};

const since = ({ after }) => (after ? `they got to ${after}` : "they joined");
const columnsOf = (metric) => ({
  cohort_start: ["Joined", (v) => cohortName(v, metric.grain)], period: [unit(metric)], started: ["Started", count], ...shareColumns("Users of that age", "Came back"),
  returned_since: ["Then or later", count], rate_since: ["Share then or later", percent], is_mature: ["All are that old", (v) => (v ? "yes" : "no")],
});

// loadPeriods draws a line for each cohort; cohorts will be the cohorts' rows.
async function loadPeriods(p, cohorts, values, { about, metric, chosen }) {
  const { periods } = await import("../../periods.js");
  const name = unit(metric);
  const draw = (rows, all) => {
    const start = pick(all, chosen);
    p.say(`The share of ${start ? "the " + cohortName(start, metric.grain) : "users"} that came back in each ${name} since ${since(metric)}. A line that levels off says who stays. ` +
      `The band is the likely range. Grey: the other cohorts. Faded dots: not all of them are that old yet, or they are fewer than ${about.least_users}.`);
    if (!rows.some((row) => row.cohort_start === start)) return nobody;
    const says = (row) => `${name} ${row.period}, ${cohortName(start, metric.grain)}: ${saysPlain(metric.kind, row)}` +
      (row.n < about.least_users ? " · few users: it says little" : "") + (row.is_mature ? "" : " · may still change");
    p.chart((host) => periods(host, { rows, chosen: start, grain: metric.grain, least: about.least_users, unit: name, says }));
  };
  return p.load("retention_triangle", values, draw, { columns: columnsOf(metric), beside: cohorts });
}

// loadSplit compares users who reached another metric in time with those who did not.
function loadSplit(p, cohorts, values, { about, metric, chosen }) {
  const { from, until } = values;
  const whom = `${chosen.cohort ? `the ${cohortName(chosen.cohort, metric.grain)}` : "all users"}${chosen.segment ? ", not told apart by segment" : ""}`;
  const name = unit(metric);
  const few = (row) => Math.min(row.n, row.other_n) < about.least_users;
  const draw = (rows) => {
    p.say(`Of ${whom}: how many came back in each ${name} since ${since(metric)}, of those who reached ${metric.split} in time and of those who did not, and the difference in points. ` +
      `${answer(rows.filter((row) => row.difference !== null && !few(row)), metric, name)} ` +
      `Too early: who reaches ${metric.split} in a ${name} was there in that ${name}, so nothing is compared before its time has passed.`);
    if (!rows.length) return `Nobody has had the full time to reach ${metric.split} yet.`;
    const shown = rows.map((row) => ({ ...row, name: `${name} ${row.period}`, few: row.difference !== null && few(row) }));
    return apart(shown, { row: name, one: "Reached it", other: "Did not" });
  };
  const columns = {
    period: [name], n: [`Reached ${metric.split}`, count], k: ["of them came back", count], value: ["Share", percent],
    other_n: ["Did not reach it", count], other_k: ["of them came back", count], other_value: ["Share", percent],
    difference: ["Difference in points", points], difference_low: ["at least", points], difference_high: ["at most", points],
  };
  return p.load("retention_split", { metric: metric.name, from, until, cohort: chosen.cohort }, draw, { columns });
}

// answer says what the difference comes to, in the period that the metric's number is of, else in the first one that is compared.
function answer(rows, metric, name) {
  const row = rows.find((r) => r.period === metric.target_period) ?? rows[0];
  if (!row) return "There are not enough users to compare yet.";
  const where = `In ${name} ${row.period} who reached it`;
  const by = `by ${points(Math.abs(row.difference)).replace("+", "")} points (${range(row)})`;
  if (row.difference_low > 0) return `${where} came back more, ${by}, beyond chance; that alone does not say that the one makes the other.`;
  if (row.difference_high < 0) return `${where} came back less, ${by}, beyond chance.`;
  return `${where} did not come back more or less than chance explains: ${points(row.difference)} points, ${range(row)}.`;
}

// triangle draws a column for each period since the start.
function triangle(p, values, { about, metric }, line, sizes) {
  const name = unit(metric);
  p.say(`Each row is everybody who joined in the same ${metric.grain}. Read along it: how many came back in each ${name} since ${since(metric)}, in %.${long(metric)} ` +
    `Read down a column: is it getting better? Hatched cells may still change: not all of the row are that old yet. ${colourless(about)}`);
  const draw = (rows, size) => {
    if (!rows.length) return nobody;
    const periods = Array.from({ length: Math.min(mostColumns, 1 + Math.max(...rows.map((row) => row.period))) }, (_, i) => i);
    const columns = periods.map((k) => ({ key: k, name: k ? String(k) : `${name} 0`, long: k ? `${name} ${k} after` : `the ${name} they started` }));
    const lines = byCohort(rows).map(([start, own]) =>
      line(start, size[start] ?? own[0].started, own.map((row) => [row.period, { ...row, open: !row.is_mature, few: row.n < about.least_users }])));
    return heat(columns, lines, "Joined", "Users");
  };
  return p.load("retention_triangle", values, draw, { columns: columnsOf(metric), beside: sizes });
}
