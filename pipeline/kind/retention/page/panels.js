// The panels of a retention: the columns of its triangle are periods.

import { shareColumns } from "../../columns.js";
import { cohortName, count, percent } from "../../format.js";
import { heat } from "../../heat.js";
import { byCohort, colourless, nobody } from "../../triangle.js";
import { long, unit } from "./words.js";

const mostColumns = 31;

export default {
  titles: { line: "Over time, by when users joined", cohorts: "Cohort by cohort" },
  triangle,
  own: [],
};

// triangle draws a column for each period since the start.
function triangle(p, values, { about, metric }, line, sizes) {
  const name = unit(metric);
  p.say(`Each row is everybody who joined in the same ${metric.grain}. Read along it: how many came back in each ${name} since ${metric.after ? `they got to ${metric.after}` : "they joined"}, in %.${long(metric)} ` +
    `Read down a column: is it getting better? Hatched cells may still change: not all of the row are that old yet. ${colourless(about)}`);
  const draw = (rows, size) => {
    if (!rows.length) return nobody;
    const periods = Array.from({ length: Math.min(mostColumns, 1 + Math.max(...rows.map((row) => row.period))) }, (_, i) => i);
    const columns = periods.map((k) => ({ key: k, name: k ? String(k) : `${name} 0`, long: k ? `${name} ${k} after` : `the ${name} they started` }));
    const lines = byCohort(rows).map(([start, own]) =>
      line(start, size[start] ?? own[0].started, own.map((row) => [row.period, { ...row, open: !row.is_mature, few: row.n < about.least_users }])));
    return heat(columns, lines, "Joined", "Users");
  };
  const columns = {
    cohort_start: ["Joined", (v) => cohortName(v, metric.grain)], period: [name], started: ["Started", count], ...shareColumns("Users of that age", "Came back"),
    returned_since: ["Then or later", count], rate_since: ["Share then or later", percent], is_mature: ["All are that old", (v) => (v ? "yes" : "no")],
  };
  return p.load("retention_triangle", values, draw, { columns, beside: sizes });
}
