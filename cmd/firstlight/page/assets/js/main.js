// The page: a shell at once, then whatever the address names, filled in as the answers come.

import { onReach, product } from "./api.js";
import { el } from "./dom.js";
import { experimentScreen } from "./experiment.js";
import { experimentsScreen } from "./experiments.js";
import { duration, moment, never, setZone, titled } from "./format.js";
import { health } from "./health.js";
import { home } from "./home.js";
import { follow } from "./live.js";
import { metricScreen } from "./metric.js";
import { go, start } from "./route.js";
import { tips } from "./tips.js";

const main = document.getElementById("main");
const chooser = document.getElementById("go");
const experiments = document.getElementById("experiments");
const notice = document.getElementById("notice");
const fresh = document.getElementById("fresh");
const importing = document.getElementById("importing");
const definitions = document.getElementById("definitions");

let screen = null; // { key, show(route), refresh() }
let asOf = null;
let collected = null; // what came over HTTP
let known = null; // the metrics in force, as told first

async function begin() {
  onReach(tellReach);
  tips();
  const about = await patiently(product);
  setZone(about.timezone);
  if (about.as_of) asOf = about.as_of;
  else tellTime(never);
  importing.hidden = !about.importing;
  tellDefinitions(about);
  collected = about.collected;
  document.getElementById("product").textContent = about.name;
  for (const m of about.metrics) chooser.append(el("option", { value: m.name }, titled(m.name)));
  experiments.hidden = !about.experiments.length;
  chooser.addEventListener("change", () => go(chooser.value ? { metric: chooser.value } : {}));
  start((route) => show(about, route));
  const footer = health(document.getElementById("health"), about);
  follow(
    async () => {
      await Promise.all([screen.refresh(), footer.refresh(asOf)]);
    },
    (pipeline) => {
      footer.show(pipeline, asOf, collected);
      tellImport();
    },
  );
}

function show(about, route) {
  const metric = about.metrics.find((m) => m.name === route.metric);
  const experiment = metric ? undefined : about.experiments.find((e) => e.name === route.experiment);
  const all = !metric && !experiment && route.experiment !== undefined;
  const key = experiment || all ? `experiment ${experiment?.name ?? ""}` : (metric?.name ?? (route.stage ? `stage ${route.stage}` : ""));
  chooser.value = metric?.name ?? "";
  if (experiment || all) experiments.setAttribute("aria-current", "page");
  else experiments.removeAttribute("aria-current");
  const title = all ? "Experiments" : titled((metric ?? experiment)?.name ?? route.stage ?? "");
  document.title = (title ? title + " · " : "") + about.name + " · Firstlight";
  const first = screen === null;
  if (screen?.key !== key) {
    screen?.leave?.();
    screen = { key, ...screenOf(about, { metric, experiment, all }, route) };
    if (!first) {
      scrollTo(0, 0);
      main.querySelector("h1")?.focus();
    }
  }
  return screen.show(route);
}

function screenOf(about, { metric, experiment, all }, route) {
  if (metric) return metricScreen(main, about, metric, tellTime);
  if (experiment) return experimentScreen(main, about, experiment, tellTime);
  return all ? experimentsScreen(main, about, tellTime, route.experiment) : home(main, about, tellTime, route);
}

function tellTime(at) {
  asOf = at === never ? null : at;
  fresh.textContent = asOf ? `As of ${moment(at)}` : "No event yet";
  fresh.title = "All events received up to then are counted.";
}

// tellImport says whether the past is being loaded, and takes note of what came over HTTP.
async function tellImport() {
  const now = await product().catch(() => null);
  if (!now) return;
  importing.hidden = !now.importing;
  tellDefinitions(now);
  collected = now.collected;
}

// tellDefinitions says what of the catalog is not in force. Once other metrics are, the page begins anew with them.
function tellDefinitions(now) {
  const notes = now.notes ?? [];
  definitions.hidden = notes.length === 0;
  definitions.textContent = notes.map((line) => line[0].toUpperCase() + line.slice(1) + ".").join(" ");
  const metrics = JSON.stringify([now.metrics, now.experiments]);
  if (known !== null && known !== metrics) location.reload();
  known = metrics;
}

function tellReach(away) {
  notice.hidden = !away;
  if (!away) return;
  const age = duration(Math.max(1, Math.round((Date.now() - away.since) / 1000)));
  notice.textContent = `The numbers cannot be read right now (${away.why}). What you see is from ${age} ago; the page goes on trying.`;
}

// patiently asks until there is an answer: the page may be open before the server is.
async function patiently(question) {
  for (;;) {
    try {
      return await question();
    } catch (error) {
      tellReach({ why: error.message, since: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

begin();
