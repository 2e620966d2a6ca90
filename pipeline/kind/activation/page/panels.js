// The panels of an activation: where users stop is one that only it has.

import { shareColumns } from "../../columns.js";
import { duration } from "../../format.js";
import { funnel } from "../../whisker.js";
import { whom } from "../../words.js";

export default {
  titles: { line: "Over time, by when users joined", cohorts: "Cohort by cohort" },
  people: true,
  own: [{ id: "steps", picture: true, title: "Where users stop", load: loadSteps }],
};

const columns = { step: ["Step"], step_name: ["Name"], ...shareColumns("Users judged", "Reached it") };

function loadSteps(p, cohorts, values, context) {
  const { metric, chosen } = context;
  p.say(`Of ${whom(context)} who have had their full ${duration(metric.within_seconds)}: how many reached each step.${order(metric)}`);
  const steps = (rows) => (metric.sequence || rows.length < 3 ? rows.filter((row) => row.step !== 0) : rows);
  const draw = (rows) => (rows.length && rows[0].n ? funnel(steps(rows), metric.sequence) : "Nobody has had the full time yet.");
  return p.load("steps", { ...values, cohort: chosen.cohort }, draw, { columns });
}

const order = ({ sequence }) => (sequence ? " A step counts after those before it."
  : " Steps are done in any order, and each is counted for itself: who did the second may not have done the first.");
