// Where numbers come from: the SQL behind them, and their rows as CSV.

import { el } from "./dom.js";

// source makes the two buttons and the text that one of them opens. show(answer) fills both.
export function source(title) {
  const code = el("code");
  const copy = el("button", { type: "button" }, "Copy");
  const text = el("div", { class: "sql", hidden: true }, el("pre", { tabindex: "0", "aria-label": `SQL: ${title}` }, code), copy);
  const open = el("button", { type: "button", class: "show-sql", "aria-expanded": "false", "aria-label": `SQL behind: ${title}` }, "SQL");
  const csv = el("a", { download: true, "aria-label": `${title}, as CSV` }, "CSV");
  open.addEventListener("click", () => {
    text.hidden = !text.hidden;
    open.setAttribute("aria-expanded", String(!text.hidden));
  });
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(code); // for browsers that keep the clipboard from pages without TLS
    await navigator.clipboard?.writeText(code.textContent);
    copy.textContent = navigator.clipboard ? "Copied" : "Selected";
  });
  return {
    buttons: el("p", { class: "tools" }, open, csv),
    text,
    show(answer) {
      if (code.textContent !== answer.sql) copy.textContent = "Copy";
      code.textContent = answer.sql;
      csv.href = answer.csv;
    },
  };
}
