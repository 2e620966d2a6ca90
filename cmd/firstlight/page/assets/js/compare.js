// Cohorts side by side, and segments side by side.

import { cohortColumns, valueColumns } from "./columns.js";
import { cohortName, count, duration } from "./format.js";
import { words } from "./kinds/words.js";
import { whiskers } from "./whisker.js";

const most = 40; // cohorts in one panel

// pick is the cohort shown when none is chosen: the newest whose value stands, else the newest with one.
export function pick(rows, chosen) {
  const valued = rows.filter((row) => row.value !== null);
  return chosen.cohort ?? (valued.find((row) => !row.is_provisional) ?? valued[0] ?? rows[0])?.cohort_start;
}

// loadCohorts returns the rows, newest first.
export async function loadCohorts(p, values, { about, metric, chosen, status, to }) {
  const { kind, grain, within_seconds: within } = metric;
  const endless = words(kind).endless?.(metric);
  p.say(words(kind).cohorts?.(metric) ?? `The share that made it within ${duration(within)}, of those who have had that long. Hollow dots may still change.`);
  let all = [];
  const shown = (row) => {
    const on = row.cohort_start === chosen.cohort;
    return {
      ...row, name: cohortName(row.cohort_start, grain, true), key: `cohort-${row.cohort_start}`, open: row.is_provisional || endless, few: row.n < about.least_users,
      chosen: on, link: to({ cohort: on ? undefined : row.cohort_start }),
    };
  };
  const draw = (rows, overall) => (rows.length
    ? whiskers(kind, [{ rows: rows.slice(0, most).map(shown) }], { overall, firstHead: "Joined" })
    : "No cohort has joined in this time: choose a longer one.");
  await p.load(`${kind}_cohorts`, values, draw, { columns: cohortColumns(kind, grain), told: (rows) => (all = rows), beside: chosen.segment ? null : status.then((row) => row?.value ?? null) });
  return all;
}

// loadSegments returns the rows, by segment. Medians cannot be added up over cohorts: of a time it shows one.
export async function loadSegments(p, cohorts, values, { about, metric, chosen, to }) {
  const { kind, grain } = metric;
  const { time } = words(kind);
  const cohort = time ? pick(await cohorts, chosen) : chosen.cohort;
  p.say(`${time ? "The time until half got there" : "The share that made it"}, of ${cohort ? `the ${cohortName(cohort, grain)}` : "all cohorts of this time"}. ` +
    "Where the whiskers of two overlap widely, the difference may be chance.");
  let all = [];
  const shown = (row) => {
    const on = chosen.segment === row.segment && chosen.value === row.segment_value;
    return {
      ...row, name: row.segment_value, key: `segment-${row.segment}-${row.segment_value}`, open: row.is_provisional, few: row.n < about.least_users, chosen: on,
      link: to(on ? { segment: undefined, value: undefined } : { segment: row.segment, value: row.segment_value }),
    };
  };
  const draw = (rows) => {
    if (!rows.length) return "No users in this time: choose a longer one.";
    const groups = [...Map.groupBy(rows, (row) => row.segment)].map(([title, own]) => ({ title, rows: own.map(shown) }));
    return whiskers(kind, groups, { overall: null, firstHead: "Segment" });
  };
  const columns = { segment: ["Segment"], segment_value: ["Value"], entered: ["Joined", count], ...valueColumns(kind) };
  await p.load(`${kind}_segments`, { ...values, cohort }, draw, { columns, told: (rows) => (all = rows) });
  return all;
}
