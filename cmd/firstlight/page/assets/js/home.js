// Every metric as a tile, or those of a stage of the product, worst first.

import { ask, lastOf } from "./api.js";
import { el, fromTemplate, replace } from "./dom.js";
import { addDays, localDay, never, titled } from "./format.js";
import { around } from "./incidents.js";
import { judge, worstFirst } from "./judge.js";
import { words } from "./kinds/words.js";
import { tellOld } from "./old.js";
import { href } from "./route.js";
import { foretells, predictions } from "./prediction.js";
import { source } from "./source.js";
import { spark } from "./spark.js";
import { tryOut } from "./try.js";
import { badges, maturity, number, says, target } from "./words.js";
import { lineWindow } from "./windows.js";

const sparkDays = 56;

export function home(main, about, tellTime, { metric: missing, stage }) {
  const metrics = stage ? about.metrics.filter((metric) => metric.stage === stage) : about.metrics;
  const list = el("ul", { class: "tiles", "aria-busy": "true" });
  const lead = el("p", { class: "lead" }, leadOf([]));
  const from = source("Every metric");
  const state = { metrics, tiles: new Map(), status: [], catalog: new Map(), incidents: [], waiting: new Map(), predictions: new Map(), at: null };
  main.replaceChildren(
    el(
      "div",
      { class: "home" },
      el("div", { class: "titled" }, el("h1", { tabindex: "-1" }, "How are we doing?"), from.buttons),
      from.text,
      missing ? el("p", { class: "empty" }, `There is no metric called “${missing}” in the catalog. These are all there are.`) : null,
      el("ul", { class: "open-incidents", "aria-label": "Open incidents", hidden: true }),
      about.stages.length ? stages(about.stages, stage) : null,
      lead,
      list,
      about.collector ? tryOut(about) : null,
    ),
  );
  const open = main.querySelector(".open-incidents");
  for (const metric of metrics) list.append(tileOf(state, metric));
  if (!about.metrics.length)
    list.replaceWith(el("p", { class: "empty" }, "The catalog has no metrics yet. Add one, and start firstlight again."));
  else if (!metrics.length) list.replaceWith(el("p", { class: "empty" }, `No metric belongs to the stage “${stage}”.`));

  remember(about, state, list);

  async function refresh() {
    const sorted = () => arrange(about, state, list);
    const status = ask("status").then((answer) => {
      state.status = answer.rows;
      state.at = answer.stale ? answer.at : null;
      from.show(answer);
      if (answer.rows.length) tellTime(answer.rows[0].as_of);
    });
    const newest = () => [state.at === null ? state.status[0]?.as_of : null, about.as_of].find((at) => at && at !== never);
    const asOf = newest() ? Promise.resolve(newest()) : status.then(newest);
    await Promise.allSettled([
      status.then(sorted),
      asOf.then((at) => sparks(about, state, at)),
      ask("catalog").then((answer) => {
        state.catalog = new Map(answer.rows.map((row) => [row.metric, row]));
        lead.textContent = leadOf(answer.rows);
        sorted();
      }),
      ask("incidents").then((answer) => {
        state.incidents = answer.rows;
        openIncidents(open, about, answer.rows);
        sorted();
      }),
      ask("maturity").then((answer) => {
        state.waiting = new Map(answer.rows.map((row) => [row.metric, row.waiting]));
        sorted();
      }),
      predictions(about, ask).then((found) => {
        state.predictions = found;
        sorted();
      }),
    ]);
    list.removeAttribute("aria-busy");
  }
  return { show: refresh, refresh };
}

// stages leads to the metrics of one stage of the product, or of all.
const stages = (names, chosen) =>
  el(
    "nav",
    { class: "stages", "aria-label": "Stage of the product" },
    ["", ...names].map((name) =>
      el("a", { href: href({ stage: name }), "aria-current": name === (chosen ?? "") ? "page" : null }, name ? titled(name) : "All stages"),
    ),
  );

// remember shows the last numbers until there are new ones.
function remember(about, state, list) {
  const status = lastOf("status");
  if (!status?.rows.length) return;
  state.status = status.rows;
  state.at = status.at;
  state.catalog = new Map((lastOf("catalog")?.rows ?? []).map((row) => [row.metric, row]));
  state.waiting = new Map((lastOf("maturity")?.rows ?? []).map((row) => [row.metric, row.waiting]));
  arrange(about, state, list);
  const asOf = status.rows[0].as_of;
  if (asOf !== never) for (const kind of kindsOf(state)) drawSparks(about, state, kind, lastOf(`${kind}_line`, sparkValues(about, asOf))?.rows ?? []);
}

const leadOf = (catalog) =>
  catalog.length && catalog.every((row) => row.complete_from === null)
    ? "No event has come yet: publish some, and the numbers appear here by themselves."
    : "The metrics that need a look come first. Open one to see where and why.";

function tileOf(state, metric) {
  const tile = fromTemplate("tile");
  tile.node.dataset.metric = metric.name;
  tile.name.textContent = titled(metric.name);
  tile.name.href = href({ metric: metric.name });
  tile.value.textContent = "…";
  tile.says.textContent = words(metric.kind).about;
  state.tiles.set(metric.name, tile);
  return tile.node;
}

// arrange fills the tiles with what is known so far and puts them in order.
function arrange(about, state, list) {
  const judged = state.status
    .filter((s) => state.tiles.has(s.metric))
    .map((status) => ({ status, metric: about.metrics.find((m) => m.name === status.metric) }))
    .map(({ status, metric }) => ({ status, metric, standing: judge(metric, status, state.catalog.get(status.metric), state.incidents, about.least_users) }));
  for (const { status, metric, standing } of judged) fillTile(about, state, metric, status, standing);
  const order = judged.toSorted(worstFirst).map(({ status }) => state.tiles.get(status.metric).node);
  const now = [...list.children].filter((node) => order.includes(node));
  if (order.some((node, i) => node !== now[i]))
    replace(
      list,
      order,
      [...list.children].filter((node) => !order.includes(node)),
    );
}

function fillTile(about, state, metric, status, standing) {
  const tile = state.tiles.get(metric.name);
  const ripe = maturity(metric, state.waiting.get(metric.name), about.lateness_seconds);
  const catalog = state.catalog.get(metric.name);
  tellOld(tile, state.at);
  tile.node.dataset.tone = standing.tone;
  replace(tile.badges, badges(standing, ripe));
  replace(tile.value, number(metric.kind, status, standing));
  replace(tile.says, says(metric.kind, status));
  tile.target.textContent = target(metric, status);
  const prediction = state.predictions.get(metric.name);
  tile.foretells.hidden = !prediction;
  tile.foretells.textContent = prediction ? foretells(prediction) : "";
  tile.owner.textContent = [catalog?.description, `Owner: ${status.owner}`].filter(Boolean).join(" · ");
}

const kindsOf = (state) => [...new Set(state.metrics.map((m) => m.kind))];
const sparkValues = (about, asOf) => ({ window: lineWindow(about.windows), from: addDays(localDay(asOf), -sparkDays) });

// sparks draws the last weeks of all metrics, one question per kind.
async function sparks(about, state, asOf) {
  if (!asOf) return;
  await Promise.allSettled(kindsOf(state).map(async (kind) => {
    const { rows } = await ask(`${kind}_line`, sparkValues(about, asOf));
    drawSparks(about, state, kind, rows);
  }));
}

function drawSparks(about, state, kind, rows) {
  for (const metric of state.metrics.filter((m) => m.kind === kind)) {
    const points = rows.filter((row) => row.metric === metric.name).reverse();
    replace(state.tiles.get(metric.name).spark, spark(points, kind, lineWindow(about.windows), about.least_users));
  }
}

// openIncidents lists what is wrong right now, also what belongs to no metric: a silent source, a pipeline that stands.
function openIncidents(list, about, rows) {
  const open = rows.filter((row) => row.state !== "resolved");
  list.hidden = !open.length;
  replace(
    list,
    open.map((row) => {
      const mine = about.metrics.some((m) => m.name === row.metric);
      const text = row.summary || row.reason.replaceAll("_", " ");
      return el(
        "li",
        { class: row.severity },
        el("span", { class: "badge bad" }, row.severity),
        " ",
        mine
          ? el("a", { href: href({ metric: row.metric, ...around(row), incident: row.incident_id }), "data-key": row.incident_id }, text)
          : text,
      );
    }),
  );
}
