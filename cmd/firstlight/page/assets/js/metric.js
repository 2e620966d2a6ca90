// One metric, on one screen: what it is, where it stands, how it got there, who is stuck.

import { ask, lastOf } from "./api.js";
import { controls, resolve } from "./controls.js";
import { el, facts, folded, fromTemplate, replace, term } from "./dom.js";
import { day, never, titled } from "./format.js";
import { judge } from "./judge.js";
import { words } from "./kinds/words.js";
import { panelsOf } from "./panels.js";
import { tellOld } from "./old.js";
import { foretells, predictions } from "./prediction.js";
import { keyOf } from "./selection.js";
import { badges, everybody, maturity, number, says, target, valueOf } from "./words.js";

export function metricScreen(main, about, metric, tellTime) {
  const screen = fromTemplate("metric");
  main.replaceChildren(screen.node);
  screen.name.textContent = titled(metric.name);
  screen.description.textContent = words(metric.kind).about;
  screen.value.textContent = "…";
  const unfold = folded(screen.more, screen.choose);
  const form = controls(screen.controls, about, metric);
  const panels = panelsOf(about, metric);
  screen.panels.replaceChildren(...panels.nodes);
  const state = { route: {}, status: null, catalog: null, incidents: [], waiting: null, prediction: null, chosen: {}, selected: null, at: null };
  remember();

  // remember shows the last number until there is a new one.
  function remember() {
    const last = lastOf("status");
    state.status = last?.rows.find((row) => row.metric === metric.name) ?? null;
    state.at = last?.at ?? null;
  }

  function fill() {
    if (!state.status) return;
    tellOld(screen, state.at);
    const ripe = maturity(metric, state.waiting, about.lateness_seconds);
    const standing = judge(metric, state.status, state.catalog, state.incidents, about.least_users);
    const key = keyOf(state.chosen);
    if (key !== null) return fillSelected(standing, state.selected?.key === key ? state.selected : null);
    screen.whom.textContent = everybody(metric);
    replace(screen.badges, badges(standing, ripe));
    replace(screen.value, number(metric.kind, state.status, standing));
    replace(screen.says, says(metric.kind, state.status));
    screen.target.textContent = target(metric, state.status);
    tellMaturity(ripe);
  }

  // fillSelected shows the number of the users chosen, "…" until it is there; the target and what is open stay the metric's.
  function fillSelected(standing, selected) {
    const text = valueOf(metric.kind);
    screen.whom.textContent = selected ? `${selected.who}. Everybody of the newest 28 days: ${text(state.status.value)}` : "";
    replace(screen.badges, badges(standing.tone === "bad" ? standing : null, selected?.row.is_provisional ? { mark: "May still change" } : null));
    screen.value.textContent = selected ? text(selected.row.value) : "…";
    replace(screen.says, selected ? says(metric.kind, selected.row, "theirs") : []);
    screen.target.textContent = state.status.target_value === null ? "" : `For everybody: ${target(metric, state.status)}`;
    tellMaturity(null);
  }

  // tellMaturity says it twice: on phones it is folded away, so that the chart comes first.
  function tellMaturity(ripe) {
    for (const place of [screen.maturity, screen.folded]) replace(place, ripe ? [el("strong", {}, ripe.mark), ": " + ripe.text] : []);
  }

  let landing = location.hash.slice(1); // the panel a link leads to

  async function refresh() {
    const rows = (name, values) => ask(name, values).then((answer) => answer.rows);
    const own = (all) => all.find((row) => row.metric === metric.name);
    const beside = Promise.allSettled([
      rows("catalog").then((all) => {
        state.catalog = own(all) ?? null;
        tellAbout(screen, state.catalog, metric, state.prediction);
        fill();
      }),
      rows("incidents", { metric: metric.name }).then((all) => {
        state.incidents = all;
        fill();
      }),
      predictions(about, ask).then((found) => {
        state.prediction = found.get(metric.name) ?? null;
        tellAbout(screen, state.catalog, metric, state.prediction);
      }),
      rows("maturity").then((all) => {
        state.waiting = own(all)?.waiting ?? null;
        fill();
      }),
    ]);
    const status = ask("status").then(({ rows: all, stale, at }) => {
      state.status = own(all) ?? state.status;
      state.at = stale ? at : null;
      if (state.status) tellTime(state.status.as_of);
      fill();
      return state.status;
    }).catch(() => state.status);
    const asOf = (state.at === null ? state.status?.as_of : null) ?? about.as_of ?? (await status)?.as_of;
    if (asOf && asOf !== never) {
      const { route } = state;
      const chosen = resolve(route, about, metric, asOf);
      state.chosen = chosen;
      fill();
      const tellSelected = (selected) => {
        if (state.chosen !== chosen) return;
        state.selected = selected;
        fill();
      };
      await panels.load(route, chosen, { status, asOf, tellSelected }, (known) => form.update(route, chosen, known, asOf));
    }
    await beside;
    if (landing) document.getElementById(landing)?.scrollIntoView();
    landing = null;
  }

  return {
    show(route) {
      state.route = route;
      panels.redraw();
      return refresh();
    },
    refresh,
    leave() {
      unfold();
      panels.leave();
    },
  };
}

const moves = {
  leading: "It moves early: what you change shows here first.",
  lagging: "It moves late: it shows what earlier work has come to.",
};

// tellAbout fills in who answers for the metric and what it is.
function tellAbout(screen, catalog, metric, prediction) {
  if (!catalog) return;
  screen.description.textContent = catalog.description || words(metric.kind).about;
  const web = /^https?:\/\//.test(catalog.runbook);
  const link = () =>
    el("a", { href: catalog.runbook, rel: "noreferrer noopener", target: "_blank" }, catalog.runbook.replace(/^https?:\/\//, ""));
  const labels = Object.entries(catalog.labels ?? {}).map(([k, v]) => `${k}: ${v}`);
  const text = JSON.stringify([catalog, prediction]);
  if (screen.about.dataset.shown === text) return;
  screen.about.dataset.shown = text;
  const rows = facts({}, [
    ["Serves", catalog.objective],
    ["Owner", catalog.owner],
    ["What to do", catalog.action],
    ["Runbook", web ? link() : null],
    ["How it is counted", catalog.formula],
    ["Good is", [catalog.direction === "down" ? "less" : "more", ", ", term(catalog.indicator, moves[catalog.indicator] ?? "")]],
    ["Stands for", metric.predicts ? [titled(metric.predicts), prediction ? ". " + foretells(prediction) : ""] : null],
    ["Labels", labels.join(", ")],
    ["To be reviewed", catalog.review_by ? "by " + day(catalog.review_by) : null],
    ["Complete since", catalog.complete_from ? day(catalog.complete_from.slice(0, 10)) : "no event has come yet"],
  ]);
  replace(screen.about, [...rows.children]);
}
