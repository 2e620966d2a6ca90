// One experiment: what it is about, what it says, how that came about, whether users were dealt as was meant, and what else moved.

import { ask } from "./api.js";
import { apart, points, range } from "./apart.js";
import { el, facts, replace, table } from "./dom.js";
import { count, day, percent, plural, titled } from "./format.js";
import { panel } from "./panel.js";
import { href } from "./route.js";
import { sequence } from "./sequence.js";
import { conclude, dealt, verdictOf } from "./verdict.js";

const paceDays = 7;

export function experimentScreen(main, about, experiment, tellTime) {
  const [deciding, ...guards] = experiment.metrics;
  const [control, ...others] = experiment.variants.map((v) => v.name);
  const said = { badges: el("p", { class: "badges" }), says: el("p", { class: "says" }), next: el("p", { class: "next" }) };
  main.replaceChildren(
    el("div", { class: "metric experiment" },
      el("div", { class: "head" },
        el("div", { class: "now" },
          el("p", { class: "whom" }, el("a", { href: href({ experiment: "" }) }, "All experiments")),
          el("h1", { tabindex: "-1" }, titled(experiment.name)),
          el("p", { class: "description" }, experiment.hypothesis),
          said.badges, said.says, said.next),
        el("div", { class: "about" }, aboutOf(experiment))),
      el("div", { class: "panels" })));
  const panels = main.querySelector(".panels");
  const lines = others.map((name) => panel({
    id: others.length > 1 ? `difference-${others.indexOf(name) + 1}` : "difference", wide: true,
    title: `${titled(deciding)}: ${name} beside ${control}`,
    lead: `With the users up to each day of their first exposure. The band holds the true difference on all days at once, 95 times out of 100; the strip is less than ${points(experiment.least_effect).slice(1)} points either way.`,
  }));
  const metrics = panel({ id: "metrics", title: "The metric that decides, and the guards", wide: true, picture: true,
    lead: guards.length ? `${titled(deciding)} decides; the others say what it costs.` : "No guards are listed: a metric that must not get worse is worth one." });
  const deal = panel({ id: "deal", title: "Were users dealt as was meant?", wide: true });
  panels.append(...lines.map((p) => p.node), metrics.node, deal.node);
  let pace = null;

  function tell(rows) {
    if (rows.length) tellTime(rows[0].as_of);
    const result = conclude(experiment, rows, pace);
    replace(said.badges, el("span", { class: `badge ${result.tone || "final"}` }, result.mark));
    said.says.textContent = result.says;
    replace(said.next, el("strong", {}, result.next));
  }

  async function refresh() {
    const results = ask("experiments", { experiment: experiment.name });
    const days = ask("experiment_days", { experiment: experiment.name, metric: deciding });
    const known = days.then(({ rows }) => { pace = paceOf(rows); }).catch(() => null);
    const shown = lines.map((p, i) => p.load("experiment_days", { experiment: experiment.name, metric: deciding }, (rows) => {
      const own = rows.filter((row) => row.variant === others[i]);
      if (!own.some((row) => row.difference !== null)) return "Nobody's time has passed yet in both variants: the first days are still to come.";
      p.chart((host) => sequence(host, own, { least: experiment.least_effect, variant: others[i], control }));
    }, { columns: dayColumns }));
    const asked = { experiment: experiment.name };
    shown.push(
      metrics.load("experiments", asked, (rows) => compared(experiment, rows), { columns: resultColumns }),
      deal.load("experiments", asked, (rows) => dealtTable(experiment, rows), { columns: dealColumns }),
      Promise.all([results, known]).then(([{ rows }]) => tell(rows)).catch(() => null));
    await Promise.allSettled(shown);
  }

  return { show: refresh, refresh, leave: () => lines.forEach((p) => p.clear()) };
}

function aboutOf(experiment) {
  return facts({}, [
    ["Owner", experiment.owner],
    ["Decides", titled(experiment.metrics[0])],
    ["Guards", experiment.metrics.slice(1).map(titled).join(", ")],
    ["Variants", experiment.variants.map((v, i) => `${v.name} ${percent(v.share)}${i ? "" : " (control)"}`).join(", ")],
    ["Worth having", `${points(experiment.least_effect).slice(1)} points and more`],
    ["Until", experiment.until ? day(experiment.until) : null],
  ]);
}

// paceOf is how many users entered a day on the newest days whose time has passed.
function paceOf(rows) {
  const days = [...new Set(rows.map((row) => row.exposed_on))].sort().slice(-paceDays);
  const users = rows.filter((row) => days.includes(row.exposed_on)).reduce((sum, row) => sum + row.users, 0);
  return days.length ? users / days.length : null;
}

function compared(experiment, rows) {
  const control = experiment.variants[0].name;
  if (!rows.some((row) => row.difference !== null)) return "Nobody's time has passed yet in two variants.";
  return experiment.variants.slice(1).map(({ name }) => {
    const lines = experiment.metrics.map((metric) => {
      const of = (variant) => rows.find((row) => row.metric === metric && row.variant === variant);
      const own = of(name), other = of(control);
      if (!own || !other) return null;
      const verdict = verdictOf(own);
      return { name: titled(metric), value: own.value, n: own.eligible, other_value: other.value, other_n: other.eligible, difference: own.difference, difference_low: own.difference_low, difference_high: own.difference_high, verdict };
    }).filter(Boolean);
    return [
      apart(lines, { row: "Metric", one: name, other: control }),
      el("ul", { class: "verdicts" }, lines.map((line) => el("li", {}, `${line.name}: `, el("span", { class: `badge ${line.verdict.tone || "final"}` }, line.verdict.mark), line.difference === null ? "" : ` ${points(line.difference)} points, ${range(line)}`))),
    ];
  });
}

function dealtTable(experiment, rows) {
  if (!rows.length) return "Nobody has seen a variant yet.";
  const all = dealt(experiment, rows);
  const { srm_p: p } = rows[0];
  const other = rows.find((row) => row.metric === experiment.metrics[0] && row.variant === "(other)");
  const left = all.reduce((sum, v) => sum + v.left_out, 0);
  return [
    el("p", { class: "says" }, p < 0.01
      ? `No: as uneven by chance alone less often than once in ${count(Math.min(1e6, Math.floor(1 / p)))} times.`
      : "Nothing speaks against it."),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Users by variant" },
      table({ class: "people" }, ["Variant", "Users", "Share", "Meant", "Left out"], all.map((v) => [v.name, count(v.users), percent(v.got), percent(v.share), count(v.left_out)]))),
    el("p", { class: "quiet" }, left ? `${plural(left, "user")} saw more than one variant before their time had passed and count in neither.` : "Nobody saw more than one variant.",
      other ? ` ${plural(other.users, "user")} saw a variant that the catalog does not list.` : ""),
  ];
}

const dayColumns = {
  variant: ["variant"], exposed_on: ["first exposure", day], eligible_to_date: ["users so far", count], reached_to_date: ["of whom got there", count], value: ["share", percent],
  difference: ["difference", points], difference_low: ["from", points], difference_high: ["to", points],
};

const resultColumns = {
  metric: ["metric", titled], variant: ["variant"], eligible: ["users", count], value: ["share", percent], difference: ["difference", points],
  difference_low: ["from", points], difference_high: ["to", points], verdict: ["verdict"],
};

const dealColumns = { metric: ["metric", titled], variant: ["variant"], users: ["users", count], left_out: ["left out", count], srm_p: ["p", (p) => p.toPrecision(2)] };
