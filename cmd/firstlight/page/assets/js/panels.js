// The panels of a metric's screen: which there are for its kind, what each asks, and how it shows the answer.

import { age, cohortName, count, duration, moment, percent, periodOf, windowName, windowText } from "./format.js";
import { heat } from "./heat.js";
import { incidents } from "./incidents.js";
import { notes } from "./notes.js";
import { panel } from "./panel.js";
import { people } from "./people.js";
import { href } from "./route.js";
import { funnel, whiskers } from "./whisker.js";
import { periodWindow } from "./windows.js";
import { el } from "./dom.js";

const titles = {
  line: { activation: "Over time, by when users joined", ttfv: "Over time, by when users joined", adoption: "Over time" },
  triangle: "Every cohort by age",
  curve: "How long it takes",
  steps: "Where users stop",
  cohorts: { activation: "Cohort by cohort", ttfv: "Cohort by cohort", adoption: "Adoption by cohort" },
  segments: "Segments side by side",
  incidents: "Incidents",
  notes: "Notes",
  people: "Whom to talk to",
};

export function panelsOf(about, metric) {
  const { kind, grain } = metric;
  const make = (id, wide, lead) => panel({ id, wide, lead, title: titles[id][kind] ?? titles[id] });
  const all = {
    line: make("line", true),
    incidents: make("incidents", false, "What Firstlight noticed by itself; numbered on the line."),
    notes: make("notes", false, "What people and machines noted: a release, a campaign, an outage; lettered on the line."),
    ...(kind === "ttfv" ? { curve: make("curve", true) } : {}),
    triangle: make("triangle", true),
    ...(kind === "activation" ? { steps: make("steps", false) } : {}),
    cohorts: make("cohorts", false),
    ...(metric.segments.length ? { segments: make("segments", false) } : {}),
    people: make("people", true),
  };
  const known = { cohorts: [], segments: [] };

  // load asks everything at once; what needs another answer first waits for that alone.
  async function load(route, chosen, status, tellChoices) {
    const base = { metric: metric.name };
    const group = chosen.segment ? { segment: chosen.segment, value: chosen.value } : {};
    const time = { from: chosen.from, until: chosen.until };
    const to = (changes) => href({ ...route, ...changes });
    const context = { about, metric, chosen, status, to, inTime: inTime(chosen) };
    tellChoices(known.cohorts, known.segments);

    const happened = Promise.all([incidents(all.incidents, context), notes(all.notes, context)]).then((lists) => lists.flat());
    let own = [];
    const cohorts = all.cohorts
      .load(
        `${kind}_cohorts`,
        { ...base, ...group, ...time },
        (rows) => drawCohorts(all.cohorts, rows, context),
        cohortColumns(kind, grain),
        (rows) => {
          own = rows;
        },
      )
      .then(() => own);

    await Promise.allSettled([
      happened.then((list) => loadLine(all.line, list, { ...base, ...group, ...time, window: chosen.window }, context)),
      cohorts.then((rows) => {
        known.cohorts = rows.map((row) => row.cohort_start);
        tellChoices(known.cohorts, known.segments);
        return Promise.allSettled([
          kind === "ttfv" && all.curve ? loadCurve(all.curve, rows, { ...base, ...group, ...time }, context) : null,
          loadTriangle(all.triangle, rows, { ...base, ...group, ...time }, context),
          all.segments
            ? loadSegments(all.segments, rows, { ...base, ...time }, context).then((found) => {
                known.segments = found;
                tellChoices(known.cohorts, known.segments);
              })
            : null,
        ]);
      }),
      all.steps?.load(
        "steps",
        { ...base, ...group, ...time, cohort: chosen.cohort },
        (rows) => (rows.length && rows[0].n ? funnel(rows) : "Nobody has had the full time yet."),
        stepColumns,
      ),
      people(all.people, context),
    ]);
    all.steps?.say(`Of ${whom(context)} who have had their full ${duration(metric.within_seconds)}: how many reached each step.`);
  }

  const beside = [[all.steps, kind === "activation" ? all.segments : all.cohorts], [kind === "activation" ? all.cohorts : all.segments]];
  const columns = beside.map((panels) =>
    el(
      "div",
      { class: "column" },
      panels.map((p) => p?.node),
    ),
  );
  const nodes = [all.line, all.incidents, all.notes, all.curve, all.triangle].map((p) => p?.node).concat(columns, all.people.node);
  return {
    nodes: nodes.filter(Boolean),
    load,
    redraw() {
      for (const p of Object.values(all)) p.redraw();
    },
  };
}

// whom names the users a panel is about.
export function whom({ chosen, metric }) {
  const cohort = chosen.cohort ? `the ${cohortName(chosen.cohort, metric.grain)}` : "all users";
  return chosen.segment ? `${cohort} with ${chosen.segment} ${chosen.value}` : cohort;
}

// inTime tells whether something lies in the days shown, or nearly.
function inTime({ from, until }) {
  const first = from ? new Date(from) / 1000 - 86400 : -Infinity,
    last = until ? new Date(until) / 1000 + 2 * 86400 : Infinity;
  return (mark) => mark.until >= first && mark.from < last;
}

// joining marks when the chosen cohort joined, on lines by when users joined.
function joining({ cohort }, { kind, grain }) {
  if (!cohort || kind === "adoption") return [];
  const [from, until] = periodOf(cohort, grain);
  return [{ kind: "cohort", from: from / 1000, until: until / 1000 }];
}

async function loadLine(p, list, values, context) {
  const { line } = await import("./line.js");
  const { metric, chosen, status } = context;
  const { kind } = metric;
  p.say(
    {
      activation: `Each point: the users who joined then, and the share of them that made it within ${duration(metric.within_seconds)}. Hatched: too young to judge. Dashed: not all have had their time.`,
      ttfv: "Each point: the users who joined then, and how long it took until half of them got there. Dashed: may still change.",
      adoption: "Each point: of the users active then, the share that used the feature. Hollow: the window is not over yet.",
    }[kind] + " The band is the likely range.",
  );
  const more = kind === "adoption" && chosen.cohort ? { cohort: chosen.cohort } : {};
  if (chosen.segment && chosen.window === "1h")
    return p.load(`${kind}_line`, { ...values, ...more }, () => "Hours are counted for all users only: choose days, or all users.");
  await p.load(
    `${kind}_line`,
    { ...values, ...more },
    (rows) => {
      if (!rows.some((row) => row.value !== null))
        return rows.length
          ? "Nobody who joined in this time has had the full time yet: come back later, or choose a longer time."
          : "No data in this time: choose a longer one.";
      const host = el("div", { class: "chart" });
      p.body.replaceChildren(host);
      line(host, {
        kind,
        window: chosen.window,
        rows: rows.toReversed(),
        marks: [...list, ...joining(chosen, metric)],
        goal: chosen.segment || kind === "adoption" ? null : status.target_value,
      });
    },
    lineColumns(kind, chosen.window),
  );
}

// pick is the cohort shown when none is chosen: the newest whose value stands, else the newest with one.
const pick = (rows, chosen) =>
  chosen.cohort ??
  (rows.find((row) => row.value !== null && !row.is_provisional) ?? rows.find((row) => row.value !== null) ?? rows[0])?.cohort_start;

async function loadCurve(p, cohorts, values, context) {
  const { curve } = await import("./curve.js");
  const { metric, chosen } = context;
  const start = pick(cohorts, chosen);
  p.say(
    `The share of ${start ? "the " + cohortName(start, metric.grain) : "users"} that got there by which time since they joined. Users who are not there yet count for as long as they were followed. Grey: the other cohorts.`,
  );
  await p.load(
    "progress",
    values,
    (rows) => {
      if (!rows.some((row) => row.cohort_start === start)) return "No cohort has joined in this time: choose a longer one.";
      const host = el("div", { class: "chart" });
      p.body.replaceChildren(host);
      curve(host, { rows, chosen: start, grain: metric.grain, median: cohorts.find((row) => row.cohort_start === start) });
    },
    ageColumns(metric.grain),
  );
}

const shownCohorts = 40;

function loadTriangle(p, cohorts, values, context) {
  const { about, metric, chosen, to } = context;
  const sizes = new Map(cohorts.map((row) => [row.cohort_start, row.entered]));
  const line = (start, cells) => ({
    name: cohortName(start, metric.grain, true),
    key: `triangle-${start}`,
    chosen: start === chosen.cohort,
    size: count(sizes.get(start) ?? 0),
    link: to({ cohort: start === chosen.cohort ? undefined : start }),
    cells,
  });
  if (metric.kind !== "adoption") {
    p.say(
      `Each row is everybody who joined in the same ${metric.grain}. Read along it: how many had got there by each age, in %. Read down a column: is it getting better? Hatched cells may still change: not all of the row are that old yet.`,
    );
    return p.load(
      "progress",
      values,
      (rows) => {
        if (!rows.length) return "No cohort has joined in this time: choose a longer one.";
        const columns = thin([...new Set(rows.map((row) => row.age_seconds))].sort((a, b) => a - b)).map((a) => ({
          key: a,
          name: age(a),
          long: `after ${age(a)}`,
        }));
        const starts = [...new Set(rows.map((row) => row.cohort_start))].slice(0, shownCohorts);
        return heat(
          columns,
          starts.map((start) =>
            line(
              start,
              new Map(
                rows
                  .filter((row) => row.cohort_start === start && row.value !== null)
                  .map((row) => [row.age_seconds, { ...row, open: !row.is_mature }]),
              ),
            ),
          ),
          "Joined",
          "Users",
        );
      },
      ageColumns(metric.grain),
    );
  }
  const window = periodWindow(about.windows, metric.grain);
  const unit = { "1d": "day", "1w": "week", "1mo": "month" }[window];
  p.say(
    `Each row is everybody who joined in the same ${metric.grain}. Read along it: of those who were active, how many used the feature in each ${unit ?? "window"} since they joined, in %. Hatched: the ${unit ?? "window"} is not over yet.`,
  );
  if (!window) {
    p.say("");
    return p.load(
      "adoption_triangle",
      { ...values, window: about.windows[0] },
      () => "This needs days, weeks or months among the catalog's windows.",
    );
  }
  return p.load(
    "adoption_triangle",
    { ...values, window },
    (rows) => {
      if (!rows.length) return "No cohort has joined in this time: choose a longer one.";
      const starts = [...new Set(rows.map((row) => row.cohort_start))].slice(0, shownCohorts);
      const ends = [...new Set(rows.map((row) => row.window_start))].sort();
      const lines = starts.map((start) => {
        const own = rows.filter((row) => row.cohort_start === start);
        const first = ends.indexOf(own[0].window_start);
        return line(
          start,
          new Map(own.map((row) => [ends.indexOf(row.window_start) - first, { ...row, open: !row.is_settled, partial: !row.is_settled }])),
        );
      });
      const most = Math.min(27, Math.max(...lines.flatMap((l) => [...l.cells.keys()])));
      const columns = Array.from({ length: most + 1 }, (_, i) => ({
        key: i,
        name: i === 0 ? `${unit} 0` : String(i),
        long: i === 0 ? `the ${unit} they joined` : `${unit} ${i} after`,
      }));
      return heat(columns, lines, "Joined", "Users");
    },
    {
      cohort_start: ["Joined"],
      window_start: [unit ?? "window", (v) => moment(v, { day: "numeric", month: "short", year: "numeric" })],
      ...shareColumns("Active users", "Used the feature"),
    },
  );
}

// thin keeps at most 16 ages: all of a week, then fewer.
function thin(ages) {
  if (ages.length <= 16) return ages;
  const good = [60, 900, 3600, 14400, 43200, ...[1, 2, 3, 4, 7, 14, 21, 28, 56, 91, 182, 364, 728].map((d) => d * 86400)];
  return good.filter((a) => ages.includes(a));
}

function drawCohorts(p, rows, { metric, chosen, status, to }) {
  const { kind } = metric;
  const endless = kind === "adoption" && !metric.within_seconds;
  p.say(
    endless
      ? "The share that has used the feature so far. There is no time limit, so older cohorts had longer: hollow dots may still grow."
      : kind === "ttfv"
        ? "The time until half of each cohort got there. Hollow dots may still change."
        : `The share that made it within ${duration(metric.within_seconds)}, of those who have had that long. Hollow dots may still change.`,
  );
  if (!rows.length) return "No cohort has joined in this time: choose a longer one.";
  return whiskers(
    kind,
    [
      {
        rows: rows.slice(0, shownCohorts).map((row) => ({
          ...row,
          name: cohortName(row.cohort_start, metric.grain, true),
          key: `cohort-${row.cohort_start}`,
          open: row.is_provisional || endless,
          chosen: row.cohort_start === chosen.cohort,
          link: to({ cohort: row.cohort_start === chosen.cohort ? undefined : row.cohort_start }),
        })),
      },
    ],
    { overall: chosen.segment ? null : status.value, firstHead: "Joined" },
  );
}

async function loadSegments(p, cohorts, values, { metric, chosen, to }) {
  const { kind } = metric;
  const cohort = kind === "ttfv" ? pick(cohorts, chosen) : chosen.cohort;
  const who = cohort ? `the ${cohortName(cohort, metric.grain)}` : "all cohorts of this time";
  p.say(
    `${kind === "ttfv" ? "The time until half got there" : "The share that made it"}, of ${who}. Where the whiskers of two overlap widely, the difference may be chance.`,
  );
  let found = [];
  await p.load(
    `${kind}_segments`,
    { ...values, cohort },
    (rows) => {
      if (!rows.length) return "No users in this time: choose a longer one.";
      const names = [...new Set(rows.map((row) => row.segment))];
      return whiskers(
        kind,
        names.map((segment) => ({
          title: segment,
          rows: rows
            .filter((row) => row.segment === segment)
            .map((row) => {
              const on = chosen.segment === segment && chosen.value === row.segment_value;
              return {
                ...row,
                name: row.segment_value,
                key: `segment-${segment}-${row.segment_value}`,
                open: row.is_provisional,
                chosen: on,
                link: to(on ? { segment: undefined, value: undefined } : { segment, value: row.segment_value }),
              };
            }),
        })),
        { overall: null, firstHead: "Segment" },
      );
    },
    { segment: ["Segment"], segment_value: ["Value"], entered: ["Joined", count], ...columnsOf(kind) },
    (rows) => {
      found = rows;
    },
  );
  return found;
}

const yes = (v) => (v ? "yes" : "no");
const shareColumns = (of, made) => ({
  n: [of, count],
  k: [made, count],
  value: ["Share", percent],
  low: ["at least", percent],
  high: ["at most", percent],
});
const columnsOf = (kind) =>
  kind === "ttfv"
    ? {
        n: ["Users", count],
        k: ["Got there", count],
        value: ["Half after", (v) => duration(v)],
        low: ["at least", (v) => duration(v)],
        high: ["at most", (v) => duration(v)],
        is_provisional: ["May still change", yes],
      }
    : { ...shareColumns("Users judged", "Made it"), is_provisional: ["May still change", yes] };
const lineColumns = (kind, window) => ({
  window_start: [windowName(window), (v, row) => windowText(row, window)],
  ...(kind === "activation" ? { entered: ["Joined", count] } : {}),
  ...columnsOf(kind),
  is_final: ["Final", yes],
});
const cohortColumns = (kind, grain) => ({
  cohort_start: ["Joined", (v) => cohortName(v, grain)],
  entered: ["Users", count],
  ...columnsOf(kind),
});
const ageColumns = (grain) => ({
  cohort_start: ["Joined", (v) => cohortName(v, grain)],
  age_seconds: ["Age", age],
  ...shareColumns("Users of that age", "Got there"),
  km_rate: ["Estimate for all", percent],
  km_low: ["at least", percent],
  km_high: ["at most", percent],
  is_mature: ["All are that old", yes],
});
const stepColumns = { step: ["Step"], step_name: ["Name"], ...shareColumns("Users judged", "Reached it") };
