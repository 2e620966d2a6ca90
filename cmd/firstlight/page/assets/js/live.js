// Keeping up with the stream: a cheap question every few seconds, and everything on the screen anew when the answer has
// changed. Refreshing takes a tenth of the time at most, and none while nobody looks.

import { ask } from "./api.js";

const every = 3_000; // ms between questions
const atLeastEvery = 60_000; // windows settle and users grow older while no event comes
const share = 10;

export function follow(refresh, onPipeline) {
  let seen = null; // the sum of what partitions have applied
  let refreshed = Date.now();
  let took = 0;
  let timer = null;

  async function look() {
    timer = null;
    try {
      const pipeline = await ask("pipeline");
      onPipeline(pipeline);
      const version = pipeline.rows.reduce((sum, p) => sum + p.applied_seq, 0);
      const due = Date.now() - refreshed;
      if (!pipeline.stale && seen !== null && (version !== seen || due > atLeastEvery) && due >= took * share) {
        const began = Date.now();
        await refresh();
        refreshed = Date.now();
        took = refreshed - began;
        seen = version;
      }
      seen ??= version;
    } catch {
      // The notice says so; the next question may be answered.
    }
    plan();
  }

  function plan() {
    if (timer === null && !document.hidden) timer = setTimeout(look, every);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      timer = null;
    } else if (timer === null) {
      look();
    }
  });
  look();
}
