// The panel of the line over time.

import { against, nameOf } from "./against.js";
import { lineColumns } from "./columns.js";
import { periodOf, plural } from "./format.js";
import { words } from "./kinds/words.js";

// loadLine draws the line; marks will be those of incidents and annotations.
export async function loadLine(p, marks, values, context) {
  const { about, metric, chosen, status } = context;
  const { line } = await import("./line.js");
  const { kind } = metric;
  const name = nameOf(chosen);
  p.say(`${words(kind).line(metric)} The band is the likely range. Faded dots: the window is not over yet, or has fewer than ${plural(about.least_users, "user")}, which says little.${name ? ` Grey: ${name}.` : ""}`);
  const draw = (rows, [list, goal, other]) => {
    if (chosen.segment && chosen.window === "1h") return "Hours are counted for all users only: choose days, or all users.";
    if (!rows.length) return "No data in this time: choose a longer one.";
    if (rows.every((row) => row.value === null)) return "Nobody who joined in this time has had the full time yet: come back later, or choose a longer time.";
    const marked = { marks: [...list, ...joining(chosen, metric)], goal };
    const shown = rows.toReversed();
    const beside = other && { name: other.name, rows: other.align(shown) };
    p.chart((host) => line(host, { kind, window: chosen.window, rows: shown, other: beside, least: about.least_users, ...marked }));
  };
  const goal = chosen.segment || words(kind).byWindow ? null : status.then((row) => row?.target_value ?? null);
  const cohort = words(kind).byWindow ? chosen.cohort : undefined;
  const asked = { ...values, cohort };
  const beside = Promise.all([marks, goal, against(asked, context)]);
  return p.load(`${kind}_line`, asked, draw, { columns: lineColumns(kind, chosen.window), beside });
}

// joining marks when the chosen cohort joined, on lines by when users joined.
function joining({ cohort }, { kind, grain }) {
  if (!cohort || words(kind).byWindow) return [];
  const [from, until] = periodOf(cohort, grain);
  return [{ kind: "cohort", from: from / 1000, until: until / 1000 }];
}
