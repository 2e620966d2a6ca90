// Whether a leading metric tells who stays, in words.

import { percent, titled } from "./format.js";

// foretells says in a sentence what a row of metric_prediction has found.
export function foretells(row) {
  const rates = `${titled(row.predicts)}: ${percent(row.activated_rate)}, of others ${percent(row.other_rate)}`;
  switch (row.verdict) {
    case "predicts":
      return row.other_rate > 0
        ? `Tells who stays: who gets there comes back ${(row.activated_rate / row.other_rate).toFixed(1)} times as often (${rates}).`
        : `Tells who stays: only who gets there comes back (${rates}).`;
    case "predicts, but little":
      return `Hardly tells who stays: who gets there comes back little more often (${rates}).`;
    case "does not":
      return `Does not tell who stays, think again: who gets there comes back no more often (${rates}).`;
    default:
      return `Whether it tells who stays is not known yet (${titled(row.predicts)}).`;
  }
}

// predictions asks for what leading metrics foretell, by metric; nothing where the catalog has none.
export const predictions = (about, ask) =>
  about.metrics.some((metric) => metric.predicts)
    ? ask("predictions").then((answer) => new Map(answer.rows.map((row) => [row.metric, row])))
    : Promise.resolve(new Map());
