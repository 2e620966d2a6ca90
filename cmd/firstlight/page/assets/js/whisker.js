// Values side by side, each a dot with its interval as a whisker, in a table that says the same in numbers.

import { el, place } from "./dom.js";
import { count, percent, plural, valueOf } from "./format.js";
import { between, saysPlain } from "./words.js";

// whiskers takes groups [{ title, rows: [{ name, key, link, chosen, value, low, high, n, open }] }]. overall is drawn
// through all of them.
export function whiskers(kind, groups, { overall, firstHead }) {
  const text = valueOf(kind);
  const rows = groups.flatMap((g) => g.rows);
  const top =
    Math.max(
      ...rows.flatMap((r) => [r.value, kind === "ttfv" && r.high > 4 * r.value ? null : r.high]),
      overall ?? 0,
      kind === "ttfv" ? 1 : 0.001,
    ) * 1.05;
  const share = (v) => `${((Math.min(v, top) / top) * 100).toFixed(2)}%`;
  return el(
    "table",
    { class: "whiskers", "data-dots": rows.filter((r) => r.value !== null).length },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, firstHead),
        el("th", { scope: "col", class: "wide" }, `0 to ${text(top / 1.05)}`),
        el("th", { scope: "col", class: "number" }, "Value"),
        el("th", { scope: "col", class: "range" }, "Likely range"),
        el("th", { scope: "col", class: "number users" }, "Users"),
      ),
    ),
    groups.map((group) =>
      el(
        "tbody",
        {},
        group.title ? el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: "5" }, group.title)) : null,
        group.rows.map((row) =>
          el(
            "tr",
            {
              class: [row.chosen ? "chosen" : "", row.open ? "open" : ""].join(" ").trim() || null,
              title: saysPlain(kind, row) + (row.open ? ", may still change" : ""),
            },
            el(
              "th",
              { scope: "row" },
              row.link ? el("a", { href: row.link, "data-key": row.key, "aria-current": row.chosen ? "true" : null }, row.name) : row.name,
            ),
            el("td", { class: "wide" }, track(row, share, overall, top)),
            el(
              "td",
              { class: "number" },
              text(row.value),
              row.open && row.value !== null ? el("span", { class: "hidden" }, " may still change") : null,
            ),
            el(
              "td",
              { class: "range" },
              row.value === null ? "–" : `${row.low === null ? "?" : text(row.low)} – ${row.high === null ? "?" : text(row.high)}`,
            ),
            el("td", { class: "number users", title: plural(row.n, "user") }, count(row.n)),
          ),
        ),
      ),
    ),
  );
}

function track(row, share, overall, top) {
  const line = overall === null || overall === undefined ? null : place(el("span", { class: "overall" }), { at: share(overall) });
  if (row.value === null) return el("div", { class: "track", "aria-hidden": "true" }, line, el("span", { class: "soon" }, "too young"));
  const low = row.low ?? 0,
    high = row.high ?? top;
  return el(
    "div",
    { class: "track", "aria-hidden": "true" },
    line,
    place(el("span", { class: "whisker" }), { from: share(low), to: share(high) }),
    place(el("span", { class: "dot" }), { at: share(row.value) }),
  );
}

// funnel shows steps as bars, each with what it lost.
export function funnel(rows) {
  return el(
    "ol",
    { class: "funnel", "data-bars": rows.length },
    rows.map((row) =>
      el(
        "li",
        {},
        el(
          "p",
          {},
          el("strong", {}, row.step_name),
          ` ${percent(row.value)} of ${plural(row.n, "user")}`,
          row.value === null ? "" : `, ${between("activation", row.low, row.high)}`,
        ),
        el("div", { class: "bar", "aria-hidden": "true" }, place(el("span", {}), { share: `${((row.value ?? 0) * 100).toFixed(2)}%` })),
      ),
    ),
  );
}
