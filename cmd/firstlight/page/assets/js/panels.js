// The panels of a metric's screen: which there are for its kind, and what each asks.

import { stepColumns } from "./columns.js";
import { loadCohorts, loadSegments } from "./compare.js";
import { el } from "./dom.js";
import { duration } from "./format.js";
import { loadCurve } from "./howlong.js";
import { incidents } from "./incidents.js";
import { notes } from "./notes.js";
import { loadLine } from "./overtime.js";
import { panel } from "./panel.js";
import { people } from "./people.js";
import { href } from "./route.js";
import { loadTriangle } from "./triangle.js";
import { funnel } from "./whisker.js";
import { whom } from "./words.js";

export function panelsOf(about, metric) {
  const { kind } = metric;
  const all = {
    line: panel({ id: "line", wide: true, title: kind === "adoption" ? "Over time" : "Over time, by when users joined" }),
    incidents: panel({ id: "incidents", title: "Incidents", lead: "What Firstlight noticed by itself; numbered on the line." }),
    notes: panel({ id: "notes", title: "Notes", lead: "What people and machines noted: a release, a campaign, an outage; lettered on the line." }),
    curve: kind === "ttfv" && panel({ id: "curve", wide: true, title: "How long it takes" }),
    triangle: panel({ id: "triangle", wide: true, title: "Every cohort by age" }),
    steps: kind === "activation" && panel({ id: "steps", title: "Where users stop" }),
    cohorts: panel({ id: "cohorts", title: kind === "adoption" ? "Adoption by cohort" : "Cohort by cohort" }),
    segments: metric.segments.length > 0 && panel({ id: "segments", title: "Segments side by side" }),
    people: kind !== "adoption" && panel({ id: "people", wide: true, title: "Whom to talk to" }),
  };
  const known = { cohorts: [], segments: [] };

  // load asks everything at once. status will be the metric's row of metric_status; tellChoices hears which cohorts and
  // segments there are.
  async function load(route, chosen, { status, asOf }, tellChoices) {
    const context = { about, metric, chosen, status, asOf, to: (changes) => href({ ...route, ...changes }), inTime: inTime(chosen) };
    const time = { metric: metric.name, from: chosen.from, until: chosen.until };
    const group = { ...time, ...(chosen.segment ? { segment: chosen.segment, value: chosen.value } : {}) };
    const tell = (found) => tellChoices(Object.assign(known, found));
    tell({});
    const marks = Promise.all([incidents(all.incidents, context), notes(all.notes, context)]).then((lists) => lists.flat());
    const cohorts = loadCohorts(all.cohorts, group, context).then((rows) => {
      tell({ cohorts: rows.map((row) => row.cohort_start) });
      return rows;
    });
    await Promise.allSettled([
      loadLine(all.line, marks, { ...group, window: chosen.window }, context),
      loadTriangle(all.triangle, cohorts, group, context),
      all.curve && loadCurve(all.curve, cohorts, group, context),
      all.segments && loadSegments(all.segments, cohorts, time, context).then((segments) => tell({ segments })),
      all.steps && loadSteps(all.steps, { ...group, cohort: chosen.cohort }, context),
      all.people && people(all.people, context),
    ]);
  }

  const column = (panels) => el("div", { class: "column" }, panels.map((p) => p && p.node));
  const columns = kind === "activation" ? [[all.steps, all.segments], [all.cohorts]] : [[all.cohorts], [all.segments]];
  const rows = [all.line, all.incidents, all.notes, all.curve, all.triangle].map((p) => p && p.node);
  return {
    nodes: [...rows, ...columns.map(column), all.people && all.people.node].filter(Boolean),
    load,
    redraw() { for (const p of Object.values(all)) if (p) p.redraw(); },
    leave() { for (const p of Object.values(all)) if (p) p.clear(); },
  };
}

function loadSteps(p, values, context) {
  p.say(`Of ${whom(context)} who have had their full ${duration(context.metric.within_seconds)}: how many reached each step.`);
  const draw = (rows) => (rows.length && rows[0].n ? funnel(rows) : "Nobody has had the full time yet.");
  return p.load("steps", values, draw, { columns: stepColumns });
}

// inTime tells whether something lies in the days shown, or nearly.
function inTime({ from, until }) {
  const first = from ? new Date(from) / 1000 - 86400 : -Infinity;
  const last = until ? new Date(until) / 1000 + 2 * 86400 : Infinity;
  return (mark) => mark.until >= first && mark.from < last;
}
