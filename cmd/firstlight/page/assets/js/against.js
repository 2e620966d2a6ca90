// What a line is compared with: the same users in the period before, everybody, or the users of another segment.

import { ask } from "./api.js";
import { addDays, localDay } from "./format.js";

export const before = "before";
export const everybody = "everybody";

// pairOf reads the segment and value that a comparison names; null when it names none.
export function pairOf(compare) {
  const at = compare?.indexOf("=") ?? -1;
  return at < 0 ? null : [compare.slice(0, at), compare.slice(at + 1)];
}

// nameOf names what a line is compared with; null when with nothing.
export function nameOf({ compare, from }) {
  if (compare === before) return from ? "the period before" : null;
  return compare === everybody ? everybody : (pairOf(compare)?.join(" ") ?? null);
}

// against asks for what a line of these values is compared with: { name, rows, align }, or null when with nothing. align
// gives the other's row, or null, for each of the line's rows, oldest first.
export async function against(values, { metric, chosen, asOf }) {
  const name = nameOf(chosen);
  if (name === null) return null;
  const query = `${metric.kind}_line`;
  if (chosen.compare === before) {
    const { rows } = await ask(query, { ...values, ...earlier(chosen, asOf) });
    const old = rows.toReversed();
    return { name, rows, align: (shown) => shown.map((_, i) => old[i] ?? null) };
  }
  const pair = pairOf(chosen.compare);
  const group = pair ? { segment: pair[0], value: pair[1] } : { segment: undefined, value: undefined };
  const { rows } = await ask(query, { ...values, ...group });
  const byStart = new Map(rows.map((row) => [row.window_start, row]));
  return { name, rows, align: (shown) => shown.map((row) => byStart.get(row.window_start) ?? null) };
}

// earlier is the time of the same length that ends the day before.
function earlier({ from, until }, asOf) {
  const last = until ?? localDay(asOf);
  const days = Math.round((new Date(last) - new Date(from)) / 86400e3) + 1;
  return { from: addDays(from, -days), until: addDays(from, -1) };
}
