// What an action did, in words.

import { moment, percent } from "./format.js";

const points = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)}`;

// effect says in a sentence what a row of action_effects has found.
export function effect(row) {
  const since = moment(row.known_from, { day: "numeric", month: "long", year: "numeric" });
  if (row.verdict === "not known yet") return `Whether it worked is not known yet: its users are old enough about ${since}.`;
  if (row.before_rate === null || row.after_rate === null) return "What it did cannot be said: nobody is there to compare.";
  const expected = row.expects === null ? "" : `; ${points(row.expects)} expected`;
  const rates =
    `${percent(row.before_rate)} of those who joined in the four weeks before, ${percent(row.after_rate)} of those in the four weeks after ` +
    `(likely ${points(row.difference_low)} to ${points(row.difference_high)} points${expected})`;
  if (row.verdict === "something else explains it") return `Something else explains it: ${row.explained_by.join(", ")}. It was ${rates}.`;
  return `${row.verdict[0].toUpperCase()}${row.verdict.slice(1)}: ${rates}.`;
}
