// Every experiment, what it says, and what to do next.

import { ask } from "./api.js";
import { el, replace } from "./dom.js";
import { titled } from "./format.js";
import { href } from "./route.js";
import { source } from "./source.js";
import { conclude } from "./verdict.js";

export function experimentsScreen(main, about, tellTime, missing) {
  const list = el("ul", { class: "tiles", "aria-busy": "true" });
  const from = source("Every experiment");
  main.replaceChildren(
    el("div", { class: "home" },
      el("div", { class: "titled" }, el("h1", { tabindex: "-1" }, "What do our experiments say?"), from.buttons),
      from.text,
      missing ? el("p", { class: "empty" }, `There is no experiment called “${missing}” in the catalog. These are all there are.`) : null,
      el("p", { class: "lead" }, "Look as often as you like: what is said here holds however often one looks."),
      list));

  async function refresh() {
    const answer = await ask("experiments").catch(() => null);
    if (!answer) return;
    from.show(answer);
    if (answer.rows.length) tellTime(answer.rows[0].as_of);
    replace(list, about.experiments.map((e) => tile(e, answer.rows.filter((row) => row.experiment === e.name))));
    list.removeAttribute("aria-busy");
  }
  return { show: refresh, refresh };
}

function tile(experiment, rows) {
  const said = conclude(experiment, rows);
  return el("li", { class: "tile", "data-tone": said.tone, "data-experiment": experiment.name },
    el("article", {},
      el("h2", {}, el("a", { href: href({ experiment: experiment.name }), "data-key": experiment.name }, titled(experiment.name))),
      el("p", { class: "badges" }, el("span", { class: `badge ${said.tone || "final"}` }, said.mark)),
      experiment.hypothesis ? el("p", { class: "says" }, experiment.hypothesis) : null,
      el("p", { class: "target" }, said.says),
      el("p", { class: "next" }, said.next),
      el("p", { class: "owner" }, `Owner: ${experiment.owner}`)));
}
