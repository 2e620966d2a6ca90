// A form that sends an event to the collector, as an app would, and shows where its user stands once it is counted. Of a demo only.

import { ask } from "./api.js";
import { el, replace, table } from "./dom.js";
import { duration, titled } from "./format.js";

const patience = 60_000; // ms until an event that is stored should be counted
const every = 500;

export function tryOut(about) {
  const user = el("input", { name: "user", value: "you-" + Math.random().toString(36).slice(2, 6), maxlength: "200", required: true, autocomplete: "off" });
  const event = el("select", { name: "event" }, about.events.map((name) => el("option", { value: name }, name)));
  const said = el("p", { class: "said", role: "status" });
  const stands = el("div");
  const send = el("button", { type: "submit" }, "Send");
  const form = el("form", { class: "controls" }, el("label", {}, "User ", user), el("label", {}, "Event ", event), send);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    send.disabled = true;
    await sendAndFollow(about, user.value, event.value, said, stands).catch((error) => (said.textContent = `It did not arrive: ${error.message}`));
    send.disabled = false;
  });
  return el(
    "section",
    { class: "panel try" },
    el("div", { class: "titled" }, el("h2", {}, "Send an event")),
    el("p", { class: "lead" }, `It goes to ${about.collector}/v1/track, as from an app, and counts for its user within seconds. Begin with the event that lets people in.`),
    form,
    said,
    stands,
  );
}

// sendAndFollow sends an event and waits until it shows in what is known of its user.
async function sendAndFollow(about, user, event, said, stands) {
  const known = JSON.stringify((await ask("arrived", { user })).rows);
  const began = Date.now();
  said.textContent = "Sending…";
  await post(about, { type: "track", event, userId: user, messageId: crypto.randomUUID(), timestamp: new Date().toISOString(), sentAt: new Date().toISOString() });
  said.textContent = "Stored. Waiting until it is counted…";
  for (;;) {
    const { rows } = await ask("arrived", { user });
    const changed = JSON.stringify(rows) !== known;
    if (changed || Date.now() - began > patience) {
      said.textContent = changed
        ? `${event} of ${user} was counted ${((Date.now() - began) / 1000).toFixed(1)} s after it was sent.`
        : rows.length
          ? `${event} of ${user} is stored, and moves none of the metrics below: it was there before, or no metric asks for it at this point.`
          : `${event} of ${user} is stored. This user has not entered a cohort yet: send the event that lets people in first.`;
      replace(stands, rows.length ? standing(rows) : []);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

async function post(about, body) {
  const answer = await fetch(about.collector + "/v1/track", { method: "POST", headers: { Authorization: "Bearer demo" }, body: JSON.stringify(body) });
  if (answer.ok) return;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error ?? `the collector answers ${answer.status}`);
}

const standing = (rows) =>
  table(
    { class: "sources stands" },
    ["Metric", "Where this user stands"],
    rows.map((row) => [titled(row.metric), where(row)]),
  );

function where(row) {
  if (row.reached_at) return `there, after ${duration(row.seconds)}`;
  return [row.steps_done && `${row.steps_done} done`, `next: ${row.next_step || "use it"}`].filter(Boolean).join("; ");
}
