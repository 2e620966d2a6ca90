// The panels of a time to first value: the Kaplan-Meier curve is one that only it has.

import { ageColumns } from "../../columns.js";
import { pick } from "../../compare.js";
import { cohortName } from "../../format.js";

export default {
  titles: { line: "Over time, by when users joined", cohorts: "Cohort by cohort" },
  people: true,
  own: [{ id: "curve", wide: true, title: "How long it takes", load: loadCurve }],
};

// loadCurve draws it; cohorts will be the cohorts' rows.
async function loadCurve(p, cohorts, values, { metric, chosen }) {
  const { curve } = await import("../../curve.js");
  const draw = (rows, all) => {
    const start = pick(all, chosen);
    p.say(`The share of ${start ? "the " + cohortName(start, metric.grain) : "users"} that got there by which time since they joined. ` +
      "Users who are not there yet count for as long as they were followed. Grey: the other cohorts.");
    if (!rows.some((row) => row.cohort_start === start)) return "No cohort has joined in this time: choose a longer one.";
    const median = all.find((row) => row.cohort_start === start);
    p.chart((host) => curve(host, { rows, chosen: start, grain: metric.grain, median }));
  };
  return p.load("progress", values, draw, { columns: ageColumns(metric.grain), beside: cohorts });
}
