// How a metric stands, and which is worst. The order of the home screen:
//   0 a critical incident is open        1 another incident is open
//   2 behind its target, the furthest behind first
//   3 worse than the 28 days before, beyond chance (the old value lies outside of the new interval), the most first
//   4 all others, in the catalog's order  5 no number yet

// judge returns { tier, by, tone, text }. An adoption without a time limit is not compared with what was before: the
// users of before had longer.
export function judge(metric, status, catalog, incidents) {
  const open = incidents.filter((i) => i.metric === status.metric && i.state !== "resolved");
  const critical = open.some((i) => i.severity === "critical");
  if (status.open_incidents > 0 || open.length) {
    const n = Math.max(status.open_incidents, open.length);
    const text = n === 1 ? (critical ? "1 critical incident" : "1 open incident") : `${n} open incidents`;
    return { tier: critical ? 0 : 1, by: -n, tone: "bad", text };
  }
  if (status.value === null) return { tier: 5, by: 0, tone: "quiet", text: "No number yet" };
  if (status.pace !== null && status.pace < 1) return { tier: 2, by: status.pace, tone: "warn", text: "Behind target" };
  const endless = metric.kind === "adoption" && !metric.within_seconds;
  const worse = endless ? 0 : worsened(status, catalog?.direction);
  if (worse > 0) return { tier: 3, by: -worse, tone: "warn", text: "Worse than before" };
  if (status.pace !== null) return { tier: 4, by: 0, tone: "good", text: "On target" };
  return { tier: 4, by: 0, tone: worse < 0 ? "good" : "quiet", text: endless ? "No target" : worse < 0 ? "Better than before" : "Steady" };
}

// worsened is by which share the value got worse, negative when better, 0 when that may be chance.
function worsened({ value, low, high, previous_value: before }, direction) {
  if (before === null || before === 0 || low === null || high === null || (before >= low && before <= high)) return 0;
  return ((before - value) / before) * (direction === "down" ? -1 : 1);
}

// worstFirst sorts; equals keep the catalog's order.
export const worstFirst = (a, b) => a.standing.tier - b.standing.tier || a.standing.by - b.standing.by;
