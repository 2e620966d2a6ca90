// One thing to look at: a chart, the same as a table, the SQL behind it, and its rows as CSV.

import { ask } from "./api.js";
import { el, fromTemplate, replace, table } from "./dom.js";
import { count } from "./format.js";
import { drawn, linkTo, pictureOf } from "./share.js";
import { source } from "./source.js";

// panel makes one. `draw(rows, beside)` returns what the body shows: nodes, a text for an empty state, or nothing
// when it has called chart. `picture` says that these nodes are a chart too.
export function panel({ id, title, lead, wide, picture }) {
  const p = fromTemplate("panel");
  let shown = "";
  let asked = 0;
  let plot = null;
  p.node.id = id;
  p.node.classList.toggle("wide", Boolean(wide));
  p.node.setAttribute("aria-labelledby", `${id}-title`);
  p.title.id = `${id}-title`;
  p.title.textContent = title;
  p.lead.textContent = lead ?? "";
  p.table.setAttribute("aria-label", `${title}, as a table`);
  const from = source(title);
  const png = pictureOf(id, `${document.querySelector("h1")?.textContent ?? ""}: ${title}`, () => (plot ? plot.canvas() : drawn(p.body)));
  from.buttons.append(png, linkTo(id, title));
  p.title.after(from.buttons);
  p.lead.after(from.text);

  // chart puts one into the body in place of the one before.
  function chart(draw) {
    const pointed = plot?.pointedAt();
    clear();
    const host = el("div", { class: "chart" });
    p.body.replaceChildren(host);
    plot = draw(host);
    png.hidden = false;
    if (pointed) plot.point(pointed);
  }

  function clear() {
    plot?.destroy();
    plot = null;
    png.hidden = true;
  }

  // load asks and shows. An answer that is overtaken by a later question is dropped. `columns` are those of the data
  // table, `beside` is what draw gets beyond the rows, or will be, `told` hears of the rows whether they are new or not.
  async function load(query, values, draw, { columns, beside, told } = {}) {
    const turn = ++asked;
    p.node.setAttribute("aria-busy", "true");
    try {
      const [answer, more] = await Promise.all([ask(query, values), beside]);
      if (turn !== asked) return;
      from.show(answer);
      const text = answer.sql + JSON.stringify([answer.rows, more]);
      told?.(answer.rows);
      if (text === shown) return;
      shown = text;
      const nodes = draw(answer.rows, more);
      if (nodes !== undefined) {
        clear();
        replace(p.body, typeof nodes === "string" ? el("p", { class: "empty" }, nodes) : nodes);
        png.hidden = !picture || typeof nodes === "string";
      }
      p.data.hidden = !answer.rows.length;
      replace(
        p.table,
        dataTable(answer, columns),
        answer.truncated ? el("p", { class: "quiet" }, `Only the first ${count(answer.rows.length)} rows.`) : null,
      );
    } catch (error) {
      if (turn === asked && !shown) replace(p.body, el("p", { class: "empty" }, `This cannot be shown: ${error.message}`));
    } finally {
      if (turn === asked) p.node.removeAttribute("aria-busy");
    }
  }

  // redraw makes the next load draw again, whatever it brings.
  return {
    ...p,
    load,
    chart,
    clear,
    redraw: () => {
      shown = "";
    },
    say: (text) => {
      p.lead.textContent = text;
    },
  };
}

// dataTable shows rows as they came, with the columns named and written as asked: { column: [heading, write] }.
function dataTable({ rows, columns }, named = {}) {
  const chosen = Object.keys(named).filter((c) => columns.includes(c));
  const shown = chosen.length ? chosen : columns;
  const heads = shown.map((c) => named[c]?.[0] ?? c.replaceAll("_", " "));
  return table(
    {},
    heads,
    rows.map((row) => shown.map((c) => written(row, c, named[c]?.[1]))),
  );
}

function written(row, column, write) {
  const value = row[column];
  if (write) return write(value, row);
  if (value === null) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
