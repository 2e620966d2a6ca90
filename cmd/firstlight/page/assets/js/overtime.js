// The panel of the line over time.

import { lineColumns } from "./columns.js";
import { duration, periodOf } from "./format.js";

// loadLine draws the line; marks will be those of incidents and notes.
export async function loadLine(p, marks, values, { metric, chosen, status }) {
  const { line } = await import("./line.js");
  const { kind } = metric;
  p.say(leadOf(metric));
  const draw = (rows, [list, goal]) => {
    if (chosen.segment && chosen.window === "1h") return "Hours are counted for all users only: choose days, or all users.";
    if (!rows.length) return "No data in this time: choose a longer one.";
    if (rows.every((row) => row.value === null)) return "Nobody who joined in this time has had the full time yet: come back later, or choose a longer time.";
    const marked = { marks: [...list, ...joining(chosen, metric)], goal };
    p.chart((host) => line(host, { kind, window: chosen.window, rows: rows.toReversed(), ...marked }));
  };
  const goal = chosen.segment || kind === "adoption" ? null : status.then((row) => row?.target_value ?? null);
  const cohort = kind === "adoption" ? chosen.cohort : undefined;
  return p.load(`${kind}_line`, { ...values, cohort }, draw, { columns: lineColumns(kind, chosen.window), beside: Promise.all([marks, goal]) });
}

const leadOf = ({ kind, within_seconds: within }) => ({
  activation: `Each point: the users who joined then, and the share of them that made it within ${duration(within)}. Hatched: too young to judge. Dashed: not all have had their time.`,
  ttfv: "Each point: the users who joined then, and how long it took until half of them got there. Dashed: may still change.",
  adoption: "Each point: of the users active then, the share that used the feature. Hollow: the window is not over yet.",
}[kind] + " The band is the likely range.");

// joining marks when the chosen cohort joined, on lines by when users joined.
function joining({ cohort }, { kind, grain }) {
  if (!cohort || kind === "adoption") return [];
  const [from, until] = periodOf(cohort, grain);
  return [{ kind: "cohort", from: from / 1000, until: until / 1000 }];
}
