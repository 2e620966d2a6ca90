// How a metric stands, and which is worst. The order of the home screen:
//   0 a critical incident is open        1 another incident is open
//   2 behind its target, the furthest behind first
//   3 worse than the 28 days before, beyond chance (the 95 % interval of the change excludes 0), the most first
//   4 all others, in the catalog's order  5 no number yet

import { words } from "./kinds/words.js";

// judge returns { tier, by, tone, text, compared }: compared says that the value differs from the one before. Fewer than
// least users on a side are not compared, nor where there is no time limit: the users of before had longer.
export function judge(metric, status, catalog, incidents, least) {
  const open = incidents.filter((i) => i.metric === status.metric && i.state !== "resolved");
  const critical = open.some((i) => i.severity === "critical");
  if (status.open_incidents > 0 || open.length) {
    const n = Math.max(status.open_incidents, open.length);
    const text = n === 1 ? (critical ? "1 critical incident" : "1 open incident") : `${n} open incidents`;
    return { tier: critical ? 0 : 1, by: -n, tone: "bad", text };
  }
  if (status.value === null) return { tier: 5, by: 0, tone: "quiet", text: "No number yet" };
  if (status.pace !== null && status.pace < 1) return { tier: 2, by: status.pace, tone: "warn", text: "Behind target" };
  const endless = words(metric.kind).endless?.(metric);
  const worse = endless ? 0 : worsened(status, catalog?.direction, least);
  if (worse > 0) return { tier: 3, by: -worse, tone: "warn", text: "Worse than before", compared: true };
  if (status.pace !== null) return { tier: 4, by: 0, tone: "good", text: "On target" };
  if (worse < 0) return { tier: 4, by: 0, tone: "good", text: "Better than before", compared: true };
  return { tier: 4, by: 0, tone: "quiet", text: endless ? "No target" : "Steady" };
}

// worsened is by which share the value got worse, negative when better, 0 when that may be chance.
export function worsened({ n, previous_n: few, previous_value: before, change, change_low: low, change_high: high }, direction, least) {
  if (low === null || high === null || (low <= 0 && high >= 0) || n < least || (few !== null && few < least)) return 0;
  return (-change / (before || 1)) * (direction === "down" ? -1 : 1);
}

// worstFirst sorts; equals keep the catalog's order.
export const worstFirst = (a, b) => a.standing.tier - b.standing.tier || a.standing.by - b.standing.by;
