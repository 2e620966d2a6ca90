// One metric, on one screen: what it is, where it stands, how it got there, who is stuck.

import { ask } from "./api.js";
import { controls, resolve } from "./controls.js";
import { el, facts, fromTemplate, replace, term } from "./dom.js";
import { day, titled, valueOf } from "./format.js";
import { judge } from "./judge.js";
import { panelsOf } from "./panels.js";
import { badges, kindWords, maturity, says, target } from "./words.js";

export function metricScreen(main, about, metric, tellTime) {
  const screen = fromTemplate("metric");
  main.replaceChildren(screen.node);
  screen.name.textContent = titled(metric.name);
  screen.description.textContent = kindWords[metric.kind];
  screen.value.textContent = "…";
  const form = controls(screen.controls, about, metric);
  const panels = panelsOf(about, metric);
  screen.panels.replaceChildren(...panels.nodes);
  const state = { route: {}, status: null, catalog: null, incidents: [], waiting: null };

  function fill() {
    if (!state.status) return;
    const ripe = maturity(metric, state.waiting, about.lateness_seconds);
    replace(screen.badges, badges(judge(metric, state.status, state.catalog, state.incidents), ripe));
    screen.value.textContent = state.status.value === null ? "–" : valueOf(metric.kind)(state.status.value);
    replace(screen.says, says(metric.kind, state.status));
    screen.target.textContent = target(metric.kind, state.status);
    replace(screen.maturity, ripe ? [el("strong", {}, ripe.mark), ": " + ripe.text] : []);
  }

  async function refresh() {
    const rows = (name, values) => ask(name, values).then((answer) => answer.rows);
    const own = (all) => all.find((row) => row.metric === metric.name);
    const beside = Promise.allSettled([
      rows("catalog").then((all) => {
        state.catalog = own(all) ?? null;
        tellAbout(screen, state.catalog, metric);
        fill();
      }),
      rows("incidents", { metric: metric.name }).then((all) => {
        state.incidents = all;
        fill();
      }),
      rows("maturity").then((all) => {
        state.waiting = own(all)?.waiting ?? null;
        fill();
      }),
    ]);
    const status = rows("status").then((all) => {
      state.status = own(all) ?? state.status;
      if (state.status) tellTime(state.status.as_of);
      fill();
      return state.status;
    }).catch(() => state.status);
    const asOf = state.status?.as_of ?? about.as_of ?? (await status)?.as_of;
    if (asOf) {
      const { route } = state;
      const chosen = resolve(route, about, metric, asOf);
      await panels.load(route, chosen, { status, asOf }, (known) => form.update(route, chosen, known, asOf));
    }
    await beside;
  }

  return {
    show(route) {
      state.route = route;
      panels.redraw();
      return refresh();
    },
    refresh,
    leave: panels.leave,
  };
}

const moves = {
  leading: "It moves early: what you change shows here first.",
  lagging: "It moves late: it shows what earlier work has come to.",
};

// tellAbout fills in who answers for the metric and what it is.
function tellAbout(screen, catalog, metric) {
  if (!catalog) return;
  screen.description.textContent = catalog.description || kindWords[metric.kind];
  const web = /^https?:\/\//.test(catalog.runbook);
  const link = () =>
    el("a", { href: catalog.runbook, rel: "noreferrer noopener", target: "_blank" }, catalog.runbook.replace(/^https?:\/\//, ""));
  const labels = Object.entries(catalog.labels ?? {}).map(([k, v]) => `${k}: ${v}`);
  const text = JSON.stringify(catalog);
  if (screen.about.dataset.shown === text) return;
  screen.about.dataset.shown = text;
  const rows = facts({}, [
    ["Serves", catalog.objective],
    ["Owner", catalog.owner],
    ["What to do", catalog.action],
    ["Runbook", web ? link() : null],
    ["How it is counted", catalog.formula],
    ["Good is", [catalog.direction === "down" ? "less" : "more", ", ", term(catalog.indicator, moves[catalog.indicator] ?? "")]],
    ["Labels", labels.join(", ")],
    ["To be reviewed", catalog.review_by ? "by " + day(catalog.review_by) : null],
    ["Complete since", catalog.complete_from ? day(catalog.complete_from.slice(0, 10)) : "no event has come yet"],
  ]);
  replace(screen.about, [...rows.children]);
}
