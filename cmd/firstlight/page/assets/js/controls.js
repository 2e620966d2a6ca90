// What to show: time range, window, cohort, segment. Every choice is a new address.

import { before, everybody, pairOf } from "./against.js";
import { el, replace } from "./dom.js";
import { addDays, cohortName, localDay, windowName } from "./format.js";
import { go } from "./route.js";
import { lineWindow } from "./windows.js";

const ranges = {
  "4w": ["last 4 weeks", 28],
  "8w": ["last 8 weeks", 56],
  "26w": ["last 6 months", 182],
  "52w": ["last year", 364],
  all: ["everything", null],
  custom: ["from … to …", null],
};
const usual = "8w";

// resolve fills in what the address leaves out; days are those of the product.
export function resolve(route, about, metric, asOf) {
  const range = route.from || route.until ? "custom" : route.range in ranges ? route.range : usual;
  const days = ranges[range][1];
  return {
    window: about.windows.includes(route.window) ? route.window : lineWindow(about.windows),
    range,
    from: range === "custom" ? route.from : days && addDays(localDay(asOf), -days),
    until: range === "custom" ? route.until : undefined,
    cohort: /^\d{4}-\d\d-\d\d$/.test(route.cohort ?? "") ? route.cohort : undefined,
    segment: metric.segments.includes(route.segment) && route.value !== undefined ? route.segment : undefined,
    value: metric.segments.includes(route.segment) ? route.value : undefined,
    incident: route.incident,
    compare: comparable(route.compare, metric) ? route.compare : undefined,
  };
}

const comparable = (compare, metric) => [before, everybody].includes(compare) || metric.segments.includes(pairOf(compare)?.[0]);

// controls keeps the form. update(route, chosen, { cohorts, segments }, asOf) shows what is chosen and what there is.
export function controls(form, about, metric) {
  form.addEventListener("submit", (e) => e.preventDefault());
  let route = {};
  const change = (changes) => go({ ...route, ...changes });

  const range = choice("range", "Time", (value) =>
    change(
      value === "custom"
        ? { range: undefined, from: state.from, until: state.until ?? localDay(state.asOf) }
        : { range: value, from: undefined, until: undefined },
    ),
  );
  const window = choice("window", "Line", (value) => change({ window: value }));
  const cohort = choice("cohort", "Cohort", (value) => change({ cohort: value || undefined }));
  const segment = choice("segment", "Users", (value) => {
    const [name, ...rest] = value ? JSON.parse(value) : [];
    change({ segment: name, value: rest[0] });
  });
  const compare = choice("compare", "Compare with", (value) => change({ compare: value || undefined }));
  const from = dayInput("from", "From", (value) => change({ range: undefined, from: value }));
  const until = dayInput("until", "To", (value) => change({ range: undefined, until: value }));
  const reset = el("a", { class: "reset", href: "/" }, "Reset");
  const together = el("p", { class: "quiet" }, "A cohort and one segment can be chosen together; two segments cannot, because users are counted by each, not by both.");
  let state = {};
  form.replaceChildren(range.node, from.node, until.node, window.node, cohort.node, segment.node, compare.node, reset, together);

  function update(newRoute, chosen, { cohorts, segments }, asOf) {
    route = newRoute;
    state = { ...chosen, asOf };
    range.set(
      Object.entries(ranges).map(([value, [text]]) => [value, text]),
      chosen.range,
    );
    window.set(
      about.windows.map((w) => [w, windowName(w)]),
      chosen.window,
    );
    const starts = [...new Set([...cohorts, chosen.cohort].filter(Boolean))].sort().reverse();
    cohort.set([["", "all cohorts"], ...starts.map((start) => [start, cohortName(start, metric.grain)])], chosen.cohort ?? "");
    const pairs = segments.map((row) => [row.segment, row.segment_value]);
    if (chosen.segment && !pairs.some(([s, v]) => s === chosen.segment && v === chosen.value)) pairs.push([chosen.segment, chosen.value]);
    segment.set(
      [["", "all users"], ...pairs.map((pair) => [JSON.stringify(pair), `${pair[0]}: ${pair[1]}`])],
      chosen.segment ? JSON.stringify([chosen.segment, chosen.value]) : "",
    );
    const others = pairs.filter(([s, v]) => s !== chosen.segment || v !== chosen.value).map(([s, v]) => [`${s}=${v}`, `${s}: ${v}`]);
    const whole = [["", "nothing"], chosen.from && [before, "the period before"], chosen.segment && [everybody, "everybody"]].filter(Boolean);
    const named = pairOf(chosen.compare);
    if (named && !others.some(([v]) => v === chosen.compare)) others.push([chosen.compare, named.join(": ")]);
    compare.set([...whole, ...others], [...whole, ...others].some(([v]) => v === chosen.compare) ? chosen.compare : "");
    segment.node.hidden = !metric.segments.length;
    together.hidden = metric.segments.length < 2 || !chosen.segment;
    from.node.hidden = until.node.hidden = chosen.range !== "custom";
    from.set(chosen.from ?? "");
    until.set(chosen.until ?? "");
    reset.href = `/?metric=${metric.name}`;
    reset.hidden = Object.keys(newRoute).length <= 1;
  }
  return { update };
}

function choice(name, label, changed) {
  const select = el("select", { id: `choose-${name}`, onchange: () => changed(select.value) });
  let shown = "";
  return {
    node: el("p", {}, el("label", { for: select.id }, label), select),
    set(options, value) {
      const now = JSON.stringify(options);
      if (now !== shown)
        replace(
          select,
          options.map(([v, text]) => el("option", { value: v }, text)),
        );
      shown = now;
      select.value = value;
    },
  };
}

function dayInput(name, label, changed) {
  const input = el("input", { type: "date", id: `choose-${name}`, onchange: () => changed(input.value || undefined) });
  return {
    node: el("p", { hidden: true }, el("label", { for: input.id }, label), input),
    set(value) {
      if (document.activeElement !== input) input.value = value;
    },
  };
}
