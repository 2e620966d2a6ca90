// What an experiment says, in words: whether it is decided, and what to do next. Pure.

import { points, range } from "./apart.js";
import { count, day, localDay, percent, plural, titled } from "./format.js";

const broken = "broken: sample ratio";
const none = "no difference worth having";

// conclude takes an experiment of the catalog, its rows of the view, and the newest pace { users a day }, and says { tone, mark, says,
// next }. Of several variants the best one that is better is told, else the one that is not decided, else the first.
export function conclude(experiment, rows, pace) {
  const [deciding] = experiment.metrics;
  const of = (name) => rows.find((row) => row.metric === deciding && row.variant === name);
  const control = experiment.variants[0].name;
  const others = experiment.variants.slice(1).map((v) => of(v.name)).filter(Boolean);
  if (!rows.length) return { tone: "", mark: "No users yet", says: "Nobody has seen a variant yet.", next: "Check that the app sends the exposure." };
  if (rows.some((row) => row.verdict === broken)) return assignment(experiment, rows);
  const better = others.filter((row) => row.verdict === "better").sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  const open = others.find((row) => row.verdict === "running");
  if (better.length) return take(experiment, rows, better[0]);
  if (open || !others.length) return running(experiment, of(control), open, pace, young(rows.filter((row) => row.metric === deciding)));
  return { tone: "", says: others.map((row) => `${row.variant}: ${difference(row)}`).join("; ") + ".", ...noneBetter(others, control, experiment.least_effect) };
}

// young is how many users of some rows may still enter: their time is not over, and they are not left out.
const young = (rows) => rows.reduce((sum, row) => sum + row.users - row.eligible - (row.left_out ?? 0), 0);

// noneBetter says what to do where every variant is decided and none is better.
function noneBetter(others, control, least) {
  const worse = others.filter((row) => row.verdict === "worse").map((row) => row.variant);
  const close = others.filter((row) => row.verdict !== "worse").map((row) => row.variant);
  if (!close.length) return { mark: "Worse", next: `Stop and keep ${control}.` };
  if (!worse.length) return { mark: "No difference worth having", next: `Stop: they differ by less than ${size(least)}. Keep what is simpler.` };
  return { mark: "None is better", next: `Stop and drop ${worse.join(" and ")}. ${[control, ...close].join(" and ")} differ by less than ${size(least)}: keep what is simpler.` };
}

const size = (least) => `${points(least).slice(1)} points`;
const difference = (row) => `${points(row.difference)} points, ${range(row)}`;

function take(experiment, rows, best) {
  const hurt = rows.filter((row) => row.metric !== best.metric && row.variant === best.variant && row.verdict === "worse");
  const says = `${titled(best.metric)} is ${difference(best)}, with ${best.variant}.`;
  if (!hurt.length) return { tone: "good", mark: `${best.variant} is better`, says, next: `Stop and take ${best.variant}.` };
  const what = hurt.map((row) => `${titled(row.metric)} is worse (${difference(row)})`).join(" and ");
  return { tone: "warn", mark: `${best.variant} is better, a guard is worse`, says, next: `Do not take ${best.variant} yet: ${what}. Weigh the two.` };
}

function assignment(experiment, rows) {
  const seen = dealt(experiment, rows);
  return {
    tone: "bad", mark: "Broken: look at the assignment",
    says: `Users are not dealt as was meant: ${seen.map((v) => `${count(v.users)} saw ${v.name} (${percent(v.got)}, meant ${percent(v.share)})`).join(", ")}.`,
    next: "Believe none of these differences. Look at the assignment, at what is sent as exposure and at what loses events, and begin anew under another name.",
  };
}

// dealt is how users were dealt, by variant, beside what was meant.
export function dealt(experiment, rows) {
  const seen = experiment.variants.map((v) => ({ ...v, row: rows.find((row) => row.metric === experiment.metrics[0] && row.variant === v.name) }));
  const all = seen.reduce((sum, v) => sum + (v.row?.users ?? 0), 0);
  return seen.map(({ name, share, row }) => ({ name, share, users: row?.users ?? 0, left_out: row?.left_out ?? 0, got: all ? (row?.users ?? 0) / all : null }));
}

function running(experiment, control, open, pace, waiting) {
  const running = { tone: "", mark: "Running" };
  if (!open || open.difference === null) return { ...running, says: "Too early: nobody's time has passed yet in two variants.", next: "Go on." };
  const says = `Not decided: ${titled(open.metric)} is ${difference(open)}, with ${open.variant}.`;
  const until = experiment.until && localDay(open.as_of) > experiment.until ? experiment.until : null;
  if (until && waiting > 0)
    return { ...running, says, next: `Wait: nobody new enters since ${day(until)}, but the time of ${plural(waiting, "user")} is not over.` };
  if (until) return { ...running, says, next: `Nobody has entered since ${day(until)}: take what is simpler, or ask again with more users.` };
  return { ...running, says, next: goOn(needed(open, control, experiment), pace) };
}

function goOn(more, pace) {
  if (more === null) return "Go on: there are too few users to say how many it takes.";
  if (more === 0) return "Go on: it is about to be decided.";
  const days = pace > 0 ? Math.ceil(more / pace) : null;
  return `Go on: about ${plural(rough(more), "more user", "more users")}${days ? `, ${plural(days, "day")} at this pace` : ""}, if the difference stays where it is.`;
}

const few = 30;

// needed is about how many users more it takes until the interval leaves 0 out, or lies within the smallest difference worth having, whichever
// comes first: it narrows nearly as the square root of users. null when there are too few to tell.
export function needed({ eligible, difference, difference_low: low, difference_high: high }, control, { least_effect: least }) {
  if (eligible < few || !control || control.eligible < few) return null;
  const half = (high - low) / 2;
  const enough = Math.max(Math.abs(difference), least - Math.abs(difference));
  return Math.max(0, Math.ceil((eligible + control.eligible) * ((half / enough) ** 2 - 1)));
}

// rough keeps two figures.
function rough(n) {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return Math.round(n / unit) * unit;
}

// verdictOf names a verdict of a single metric and variant, with its tone. For a guard no news is good news.
export function verdictOf(row) {
  const tone = { better: "good", worse: "bad", [broken]: "bad" }[row.verdict] ?? "";
  const mark = { running: "not decided", [broken]: "not to be believed", [none]: "no difference worth having" }[row.verdict] ?? row.verdict;
  return { tone, mark };
}
