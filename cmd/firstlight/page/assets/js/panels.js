// The panels of a metric's screen: which there are for its kind, and what each asks.

import { loadCohorts, loadSegments } from "./compare.js";
import { el } from "./dom.js";
import { incidents } from "./incidents.js";
import { panels } from "./kinds/panels.js";
import { annotations } from "./annotations.js";
import { loadLine } from "./overtime.js";
import { panel } from "./panel.js";
import { people } from "./people.js";
import { href } from "./route.js";
import { select } from "./selection.js";
import { loadTriangle } from "./triangle.js";
import { voices } from "./voices.js";

export function panelsOf(about, metric) {
  const { titles, people: stalled, triangle, own: every } = panels(metric.kind);
  const own = every.filter((o) => o.of?.(metric) ?? true);
  const said = stalled && about.voices ? voices(metric) : null;
  const all = {
    line: panel({ id: "line", wide: true, title: titles.line }),
    incidents: panel({ id: "incidents", title: "Incidents", lead: "What Firstlight noticed by itself; numbered on the line." }),
    annotations: panel({ id: "annotations", title: "Annotations", lead: "What people and machines wrote beside the numbers: a release, a campaign, an outage; lettered on the line." }),
    ...Object.fromEntries(own.map((o) => [o.id, panel(o)])),
    triangle: panel({ id: "triangle", wide: true, picture: true, title: "Every cohort by age" }),
    cohorts: panel({ id: "cohorts", picture: true, title: titles.cohorts }),
    segments: metric.segments.length > 0 && panel({ id: "segments", picture: true, title: "Segments side by side" }),
    voices: said?.panel,
    people: stalled && panel({ id: "people", wide: true, title: "Whom to talk to" }),
  };
  const known = { cohorts: [], segments: [] };

  // load asks everything at once. status will be the metric's row of metric_status; tellChoices hears which cohorts and
  // segments there are, tellSelected what the number of the users chosen is.
  async function load(route, chosen, { status, asOf, tellSelected }, tellChoices) {
    const context = { about, metric, chosen, status, asOf, to: (changes) => href({ ...route, ...changes }), inTime: inTime(chosen) };
    const time = { metric: metric.name, from: chosen.from, until: chosen.until };
    const group = { ...time, ...(chosen.segment ? { segment: chosen.segment, value: chosen.value } : {}) };
    const tell = (found) => tellChoices(Object.assign(known, found));
    tell({});
    const marks = Promise.all([incidents(all.incidents, context), annotations(all.annotations, context)]).then((lists) => lists.flat());
    const cohorts = loadCohorts(all.cohorts, group, context).then((rows) => {
      tell({ cohorts: rows.map((row) => row.cohort_start) });
      return rows;
    });
    await Promise.allSettled([
      select(cohorts, time, context).then(tellSelected),
      loadLine(all.line, marks, { ...group, window: chosen.window }, context),
      loadTriangle(all.triangle, cohorts, group, context, triangle),
      ...own.map((o) => o.load(all[o.id], cohorts, group, context)),
      all.segments && loadSegments(all.segments, cohorts, time, context).then((segments) => tell({ segments })),
      said?.load(context),
      all.people && people(all.people, context),
    ]);
  }

  const column = (panels) => el("div", { class: "column" }, panels.map((p) => p && p.node));
  const narrow = own.filter((o) => !o.wide).map((o) => all[o.id]);
  const columns = narrow.length ? [[...narrow, all.segments], [all.voices, all.cohorts]] : [[all.cohorts], [all.segments, all.voices]];
  const wide = own.filter((o) => o.wide).map((o) => all[o.id]);
  const rows = [all.line, all.incidents, all.annotations, ...wide, all.triangle].map((p) => p.node);
  return {
    nodes: [...rows, ...columns.map(column), all.people && all.people.node].filter(Boolean),
    load,
    redraw() { for (const p of Object.values(all)) if (p) p.redraw(); },
    leave() { for (const p of Object.values(all)) if (p) p.clear(); },
  };
}

// inTime tells whether something lies in the days shown, or nearly.
function inTime({ from, until }) {
  const first = from ? new Date(from) / 1000 - 86400 : -Infinity;
  const last = until ? new Date(until) / 1000 + 2 * 86400 : Infinity;
  return (mark) => mark.until >= first && mark.from < last;
}
