// What people say in words, with the step they missed when they said it. Whatever they write is text here, never markup.

import { el } from "./dom.js";
import { ago, moment } from "./format.js";
import { panel } from "./panel.js";
import { whom } from "./words.js";

const shown = 10;
const pause = 300; // ms, after the last letter of a word
const anybody = "";
const whoMisses = "*";
const columns = {
  at: ["Said", (v) => moment(v)],
  user_id: ["User"],
  voice: ["Voice"],
  text: ["Text"],
  next_step: ["Missed then"],
  steps_done: ["Steps done"],
};

// voices is a panel with a choice of the step and a search for a word; load(context) asks with what is chosen there.
export function voices(metric) {
  const p = panel({ id: "voices", title: "What people say" });
  const step = el("select", { id: "voices-step" }, [[whoMisses, "any step"], ...metric.steps.map((name) => [name, name]), [anybody, "any or none"]].map(
    ([value, text]) => el("option", { value }, text),
  ));
  const word = el("input", { id: "voices-word", type: "search", maxlength: "100", autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "controls", role: "search", "aria-label": "What people say" },
    el("p", {}, el("label", { for: "voices-step" }, "Who missed"), step),
    el("p", {}, el("label", { for: "voices-word" }, "With the word"), word),
  );
  p.lead.after(form);
  let context = null;
  let waits = 0;
  const ask = () => {
    const { chosen, asOf } = context;
    const asked = { metric: metric.name, cohort: chosen.cohort, segment: chosen.segment, value: chosen.value, step: step.value, word: word.value.trim() };
    return p.load("voices", asked, (rows) => (rows.length ? list(rows, asOf) : nothing(asked)), { columns });
  };
  form.addEventListener("submit", (e) => e.preventDefault());
  step.addEventListener("change", () => context && ask());
  word.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(() => context && ask(), pause);
  });
  return {
    panel: p,
    load(next) {
      context = next;
      p.say(`What ${whom(next)} wrote, the newest first, and which step each missed then.`);
      return ask();
    },
  };
}

const nothing = ({ step, word }) => (word ? "Nobody wrote that word." : step === whoMisses ? "Nobody who missed a step wrote anything." : "Nobody wrote anything.");

function list(rows, now) {
  return [
    el("ol", { class: "voices" }, rows.slice(0, shown).map((row) => el("li", {},
      el("blockquote", { dir: "auto", tabindex: row.text.length > 300 ? "0" : null }, row.text),
      el("p", { class: "quiet" },
        el("strong", {}, row.user_id), " · ", el("span", { title: moment(row.at) }, ago(row.at, now)),
        ["", ...(row.next_step ? [`missed: ${row.next_step}`] : []), row.voice, ...Object.entries(row.segments).map((pair) => pair.join(" "))].join(" · "),
      ),
    ))),
    rows.length > shown ? el("p", { class: "quiet" }, `The newest ${shown}. The data table and the CSV have up to 100.`) : null,
  ];
}
