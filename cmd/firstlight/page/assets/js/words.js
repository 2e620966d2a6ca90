// The sentences of the page, in plain words.

import { el, term } from "./dom.js";
import { cohortName, day, duration, percent, plural, valueOf } from "./format.js";

const likely = "The range that the true value lies in, 95 times out of 100. More users make it narrower.";

export function between(kind, low, high) {
  const text = valueOf(kind);
  if (low === null && high === null) return null;
  if (high === null) return `at least ${text(low)}`;
  if (low === null) return `at most ${text(high)}`;
  return `between ${text(low)} and ${text(high)}`;
}

const newest = {
  activation: "Everybody who joined in the newest 28 days whose time is over: younger users do not count yet.",
  ttfv: "Everybody who joined in the newest 28 days. Who is not there yet counts for as long as they were followed.",
  adoption: "Everybody who joined in the newest 28 days and has had the full time, if there is a limit.",
};

// says explains a value: of how many users, between what.
export function says(kind, { n, low, high, value }) {
  if (!n) return "No users to judge yet.";
  if (kind === "ttfv" && value === null) return `Fewer than half of ${plural(n, "user")} have got there so far.`;
  const range = between(kind, low, high);
  const users = term(plural(n, "user"), newest[kind]);
  const head = kind === "ttfv" ? ["until half of ", users, " get there"] : ["of ", users];
  return range ? [...head, ", ", term(range, likely)] : head;
}

// saysPlain explains the value of one window or cohort, as text.
export function saysPlain(kind, row) {
  const value = valueOf(kind)(row.value);
  if (row.value === null || row.value === undefined) return row.n ? `no value yet, ${plural(row.n, "user")}` : "nobody old enough yet";
  const range = between(kind, row.low, row.high);
  return `${value} ${kind === "ttfv" ? "for half of" : "of"} ${plural(row.n, "user")}${range ? ", " + range : ""}`;
}

// target says how far the way to the target is done.
export function target(kind, { target_value: goal, target_by: by, pace }) {
  if (goal === null) return "No target set.";
  const due = by ? ` by ${day(by)}` : "";
  const head = `Target ${kind === "ttfv" ? "at most " + duration(goal) : percent(goal)}${due}`;
  if (pace === null) return head + ".";
  return pace >= 1 ? `${head}: reached.` : `${head}: ${Math.floor(pace * 100)}\u202f% of the way.`;
}

// maturity says whether the number can still change, and why.
export function maturity(about, waiting, lateness) {
  const late = `Events may arrive up to ${duration(lateness)} late and still count.`;
  if (about.kind === "adoption" && !about.within_seconds) {
    return { mark: "Still growing", text: "There is no time limit: whoever joined may still start to use it." };
  }
  if (waiting === undefined || waiting === null) return null;
  if (waiting > 0 && about.kind === "ttfv") {
    return {
      mark: "Still maturing",
      text: `${plural(waiting, "user")} of the newest weeks are not there yet. They count for as long as they were followed.`,
    };
  }
  if (waiting > 0) {
    const full = duration(about.within_seconds);
    return {
      mark: "Still maturing",
      text: `${plural(waiting, "newer user")} still ${Number(waiting) === 1 ? "has" : "have"} time: the full ${full} are not over. They do not count yet, neither for nor against.`,
    };
  }
  return { mark: "Final", text: `Everybody who joined has had their full time. ${late}` };
}

export function badges(standing, ripe) {
  const marks = { bad: "▲", warn: "▼", good: "✓", quiet: "•" };
  return [
    el("span", { class: `badge ${standing.tone}` }, el("span", { "aria-hidden": "true" }, marks[standing.tone] + " "), standing.text),
    ripe ? el("span", { class: ripe.mark === "Final" ? "badge final" : "badge ripening" }, ripe.mark) : null,
  ];
}

export const kindWords = {
  activation: "Share of new users who do all steps in time",
  ttfv: "Time until new users first get value",
  adoption: "Share of users who use the feature",
};

// whom names the users a panel is about.
export function whom({ chosen, metric }) {
  const cohort = chosen.cohort ? `the ${cohortName(chosen.cohort, metric.grain)}` : "all users";
  return chosen.segment ? `${cohort} with ${chosen.segment} ${chosen.value}` : cohort;
}
