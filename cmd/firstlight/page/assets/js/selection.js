// The number of the users chosen: a cohort, a segment, or both.

import { ask } from "./api.js";
import { pick } from "./compare.js";
import { cohortName, day } from "./format.js";
import { words } from "./kinds/words.js";

const none = { value: null, low: null, high: null, n: 0, is_provisional: false };

// keyOf tells selections apart; it is null when everybody is chosen.
export const keyOf = ({ cohort, segment, value, from, until }) =>
  cohort || segment ? JSON.stringify(cohort ? [cohort, segment, value] : [segment, value, from, until]) : null;

// select returns { key, row, who }, or null when everybody is chosen; cohorts will be the cohorts' rows. Medians cannot be
// added up over cohorts: of a time it is one cohort's.
export async function select(cohorts, time, { metric, chosen }) {
  const key = keyOf(chosen);
  if (key === null) return null;
  const cohort = words(metric.kind).time ? pick(await cohorts, chosen) : chosen.cohort;
  const users = cohort ? { metric: metric.name, cohort } : time;
  const { rows } = chosen.segment
    ? await ask(`${metric.kind}_segments`, { ...users, segment: chosen.segment, value: chosen.value })
    : await ask(`${metric.kind}_cohorts`, users);
  return { key, row: rows[0] ?? none, who: who(cohort, metric, chosen) };
}

// who names the users chosen.
function who(cohort, { grain }, { segment, value, from, until }) {
  const joined = cohort
    ? `Users of the ${cohortName(cohort, grain)}`.replace("the those", "those")
    : ["Users who joined", from && `since ${day(from)}`, until && `until ${day(until)}`].filter(Boolean).join(" ");
  return segment ? `${joined} with ${segment} ${value || "(empty)"}` : joined;
}
