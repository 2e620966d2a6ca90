// The sentences of the page, in plain words.

import { el, term } from "./dom.js";
import { cohortName, day, duration, percent, plural } from "./format.js";
import { words } from "./kinds/words.js";

const likely = "The range that the true value lies in, 95 times out of 100. More users make it narrower.";

export const valueOf = (kind) => words(kind).write;

export const between = (kind, low, high) => betweenOf(valueOf(kind), low, high);

export function betweenOf(text, low, high) {
  if (low === null && high === null) return null;
  if (high === null) return `at least ${text(low)}`;
  if (low === null) return `at most ${text(high)}`;
  return `between ${text(low)} and ${text(high)}`;
}

// everybody says whom a number counts when nobody is chosen, and what for.
export const everybody = (metric) => "Everybody who joined in the newest 28 days" + words(metric.kind).everybody(metric);

// number is a value, with what it was before where the two are said to differ.
export function number(kind, { value, previous_value: before }, { compared }) {
  const text = valueOf(kind);
  if (value === null) return ["–"];
  return compared ? [text(value), el("span", { class: "was" }, `, was ${text(before)}`)] : [text(value)];
}

// says explains a value: of how many users, between what. whose is newest or theirs: which users they are.
export function says(kind, { n, low, high, value }, whose = "newest") {
  const { time } = words(kind);
  if (!n) return "No users to judge yet.";
  if (time && value === null) return `Fewer than half of ${plural(n, "user")} have got there so far.`;
  const range = between(kind, low, high);
  const users = term(plural(n, "user"), words(kind)[whose]);
  const head = time ? ["until half of ", users, " get there"] : ["of ", users];
  return range ? [...head, ", ", term(range, likely)] : head;
}

// saysPlain explains the value of one window or cohort, as text.
export function saysPlain(kind, row) {
  const value = valueOf(kind)(row.value);
  if (row.value === null || row.value === undefined) return row.n ? `no value yet, ${plural(row.n, "user")}` : "nobody old enough yet";
  const range = between(kind, row.low, row.high);
  return `${value} ${words(kind).time ? "for half of" : "of"} ${plural(row.n, "user")}${range ? ", " + range : ""}`;
}

// target says how far from its target a metric is, and where it moves.
export function target(metric, { target_value: goal, target_by: by, pace, value, previous_value: before }) {
  if (goal === null) return "No target set.";
  const { time, endless } = words(metric.kind);
  const due = by ? ` by ${day(by)}` : "";
  const head = `Target ${time ? "at most " + duration(goal) : percent(goal)}${due}`;
  if (pace === null) return head + ".";
  if (pace >= 1) return `${head}: reached.`;
  const longer = endless?.(metric); // users of before had longer
  return `${head}: ${distance(metric.kind, value, goal)}${longer ? "" : moved(metric.kind, value, before)}.`;
}

// distance says how a value that has not reached its target relates to it.
function distance(kind, value, goal) {
  if (value <= goal) return `now ${Math.floor((value / goal) * 100)}\u202f% of it`;
  if (!goal) return "not there yet";
  const times = value / goal;
  return `now ${times.toFixed(times < 1.1 ? 2 : 1)} times as ${words(kind).time ? "long" : "much"}`;
}

// moved says where a value comes from.
function moved(kind, value, before) {
  if (before === null || before === undefined) return "";
  const text = valueOf(kind);
  if (text(before) === text(value)) return ", as in the 28 days before";
  return `, ${value < before ? "down" : "up"} from ${text(before)} in the 28 days before`;
}

// maturity says whether the number can still change, and why.
export function maturity(about, waiting, lateness) {
  const late = `Events may arrive up to ${duration(lateness)} late and still count.`;
  const { endless, growing, waiting: stillTime, unseen } = words(about.kind);
  if (endless?.(about)) return { mark: "Still growing", text: growing };
  if (waiting === undefined || waiting === null) return null;
  if (waiting > 0 && stillTime) return { mark: "Still maturing", text: stillTime(waiting) };
  if (waiting > 0) {
    const full = duration(about.within_seconds);
    return {
      mark: "Still maturing",
      text: `${plural(waiting, "newer user")} still ${Number(waiting) === 1 ? "has" : "have"} time: the full ${full} are not over. They do not count yet, neither for nor against.`,
    };
  }
  if (unseen) return null;
  return { mark: "Final", text: `Everybody who joined has had their full time. ${late}` };
}

export function badges(standing, ripe) {
  const marks = { bad: "▲", warn: "▼", good: "✓", quiet: "•" };
  return [
    standing ? el("span", { class: `badge ${standing.tone}` }, el("span", { "aria-hidden": "true" }, marks[standing.tone] + " "), standing.text) : null,
    ripe ? el("span", { class: ripe.mark === "Final" ? "badge final" : "badge ripening" }, ripe.mark) : null,
  ];
}

// whom names the users a panel is about.
export function whom({ chosen, metric }) {
  const cohort = chosen.cohort ? `the ${cohortName(chosen.cohort, metric.grain)}` : "all users";
  return chosen.segment ? `${cohort} with ${chosen.segment} ${chosen.value}` : cohort;
}
