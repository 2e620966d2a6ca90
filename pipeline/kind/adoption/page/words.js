// What the page says of an adoption.

import { duration, percent } from "../../format.js";

const endless = ({ within_seconds: within }) => !within;

export default {
  about: "Share of users who use the feature",
  write: percent,
  newest: "Everybody who joined in the newest 28 days and has had the full time, if there is a limit.",
  theirs: "Those of them who have had the full time, if there is a limit.",
  everybody: (metric) => `: who used it at least once ${endless(metric) ? "since joining" : `within ${duration(metric.within_seconds)} of joining`}`,
  line: () =>
    "Each point: of the users active then, the share that used the feature then. The number at the top is another: it counts who joined, and used it at least once since.",
  byWindow: true,
  cohorts: (metric) =>
    endless(metric) ? "The share that has used the feature so far. There is no time limit, so older cohorts had longer: hollow dots may still grow." : null,
  endless,
  growing: "There is no time limit: whoever joined may still start to use it.",
};
