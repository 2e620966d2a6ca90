// What the page says of a retention.

import { count, percent } from "../../format.js";

const units = {
  day: ["day", "24 hours"], week: ["week", "7 times 24 hours"],
  calendar_day: ["calendar day"], calendar_week: ["calendar week"], calendar_month: ["calendar month"],
};

// unit names a period, and says how long one is where that is not plain.
export const unit = ({ period }) => units[period]?.[0] ?? "period";
export const long = ({ period }) => (units[period]?.[1] ? ` A ${units[period][0]} is ${units[period][1]} since then.` : "");
const since = ({ after }) => (after ? `they got to ${after}` : "they joined");

export default {
  about: "Share of users who come back",
  write: percent,
  newest: "Everybody who started in the newest 28 days on which somebody's period is over: younger users do not count yet.",
  theirs: "Those of them whose period is over: younger users do not count yet.",
  everybody: (metric) => `: who came back in ${unit(metric)} ${metric.target_period} since ${since(metric)}`,
  line: (metric) => `Each point: the users who joined in the same ${metric.grain}, and the share of them that came back in ${unit(metric)} ${metric.target_period} since ${since(metric)}. Dashed: not all are that old yet.`,
  cohorts: (metric) => `The share that came back in ${unit(metric)} ${metric.target_period} since ${since(metric)}, of those who are that old.${long(metric)} Hollow dots may still change.`,
  waiting: (users) => `At least ${count(users)} ${Number(users) === 1 ? "user is" : "users are"} not that old yet. They do not count, neither for nor against.`,
  unseen: true, // a cohort in which nobody is old enough for any period has no row, so who is in it is not known here
  joined: true,
};
