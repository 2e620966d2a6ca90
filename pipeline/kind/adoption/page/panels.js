// The panels of an adoption: the columns of its triangle are windows.

import { shareColumns } from "../../columns.js";
import { moment } from "../../format.js";
import { heat } from "../../heat.js";
import { byCohort, colourless, nobody } from "../../triangle.js";
import { periodWindow } from "../../windows.js";

const mostColumns = 28;

export default {
  titles: { line: "Over time", cohorts: "Adoption by cohort" },
  triangle,
  own: [],
};

// triangle draws a column for the n-th window since a cohort joined.
function triangle(p, values, { about, metric }, line, sizes) {
  const window = periodWindow(about.windows, metric.grain);
  const unit = { "1d": "day", "1w": "week", "1mo": "month" }[window];
  if (!window) {
    p.say("");
    return p.load("adoption_triangle", { ...values, window: about.windows[0] }, () => "This needs days, weeks or months among the catalog's windows.");
  }
  p.say(`Each row is everybody who joined in the same ${metric.grain}. Read along it: of those who were active, how many used the feature ` +
    `in each ${unit} since they joined, in %. Hatched with dots: the ${unit} is not over yet. ` + colourless(about));
  const draw = (rows, size) => {
    if (!rows.length) return nobody;
    const starts = [...new Set(rows.map((row) => row.window_start))].sort();
    const lines = byCohort(rows).map(([start, own]) => {
      const first = starts.indexOf(own[0].window_start);
      return line(start, size[start], own.map((row) => [starts.indexOf(row.window_start) - first, { ...row, open: !row.is_settled, partial: !row.is_settled, few: row.n < about.least_users }]));
    });
    const n = Math.min(mostColumns, 1 + Math.max(...lines.flatMap((l) => [...l.cells.keys()])));
    const columns = Array.from({ length: n }, (_, i) => (i ? { key: i, name: String(i), long: `${unit} ${i} after` } : { key: 0, name: `${unit} 0`, long: `the ${unit} they joined` }));
    return heat(columns, lines, "Joined", "Users");
  };
  const day = (v) => moment(v, { day: "numeric", month: "short", year: "numeric" });
  const columns = { cohort_start: ["Joined"], window_start: [unit, day], ...shareColumns("Active users", "Used the feature") };
  return p.load("adoption_triangle", { ...values, window }, draw, { columns, beside: sizes });
}
