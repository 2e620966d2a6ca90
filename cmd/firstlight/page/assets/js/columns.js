// What the data tables of panels show: per column of the answer its heading and how a cell is written.

import { age, cohortName, count, duration, percent, windowName, windowText } from "./format.js";
import { words } from "./kinds/words.js";

const yes = (v) => (v ? "yes" : "no");
export const shareColumns = (of, made) => ({
  n: [of, count],
  k: [made, count],
  value: ["Share", percent],
  low: ["at least", percent],
  high: ["at most", percent],
});
export const valueColumns = (kind) =>
  words(kind).time
    ? {
        n: ["Users", count],
        k: ["Got there", count],
        value: ["Half after", (v) => duration(v)],
        low: ["at least", (v) => duration(v)],
        high: ["at most", (v) => duration(v)],
        is_provisional: ["May still change", yes],
      }
    : { ...shareColumns("Users judged", "Made it"), is_provisional: ["May still change", yes] };
export const lineColumns = (kind, window) => ({
  window_start: [windowName(window), (v, row) => windowText(row, window)],
  ...(words(kind).joined ? { entered: ["Joined", count] } : {}),
  ...valueColumns(kind),
  is_final: ["Final", yes],
});
export const cohortColumns = (kind, grain) => ({
  cohort_start: ["Joined", (v) => cohortName(v, grain)],
  entered: ["Users", count],
  ...valueColumns(kind),
});
export const ageColumns = (grain) => ({
  cohort_start: ["Joined", (v) => cohortName(v, grain)],
  age_seconds: ["Age", age],
  ...shareColumns("Users of that age", "Got there"),
  km_rate: ["Estimate for all", percent],
  km_low: ["at least", percent],
  km_high: ["at most", percent],
  is_mature: ["All are that old", yes],
});
