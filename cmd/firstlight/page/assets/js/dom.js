// Building and filling elements. Nothing here takes HTML: text stays text.

const svgSpace = "http://www.w3.org/2000/svg";

// el makes an HTML element. Properties that start with "on" are listeners; null and false leave an attribute out.
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

// svg makes an SVG element.
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(svgSpace, tag), properties, children);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// fromTemplate clones a template's element; its parts are found by their data-slot.
export function fromTemplate(id) {
  const node = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const slots = {};
  for (const part of node.querySelectorAll("[data-slot]")) slots[part.dataset.slot] = part;
  return { node, ...slots };
}

// replace changes what a node holds. The focus stays: on the element with the same data-key, else on the one that has
// the same place among those that can have it.
export function replace(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? focusable(node).indexOf(focused) : -1;
  node.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (!focused || document.activeElement === focused) return;
  const same = focused.dataset.key ? node.querySelector(`[data-key="${CSS.escape(focused.dataset.key)}"]`) : focusable(node)[place];
  same?.focus({ preventScroll: true });
}

const focusable = (node) => [...node.querySelectorAll("a[href], button, summary, [tabindex]")];

// table makes one of plain rows; the first cell of each heads it.
export function table(properties, heads, rows) {
  const head = heads.map((text) => el("th", { scope: "col" }, text));
  const body = rows.map(([first, ...rest]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, first),
      rest.map((cell) => el("td", {}, cell)),
    ),
  );
  return el("table", properties, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
}

// facts is a list of names with what they stand for; those that stand for nothing are left out.
export function facts(properties, pairs) {
  const given = pairs.filter(([, value]) => value);
  return given.length
    ? el(
        "dl",
        properties,
        given.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
      )
    : null;
}

let terms = 0;

// term is a word with its explanation, shown on hover and on focus, hidden by Escape.
export function term(word, explanation) {
  const id = `term-${++terms}`;
  return el(
    "span",
    { class: "term" },
    el("button", { type: "button", "aria-describedby": id, onkeydown: (e) => e.key === "Escape" && e.target.blur() }, word),
    el("span", { role: "tooltip", id }, explanation),
  );
}

// place puts numbers into custom properties: the style sheet does the rest.
export function place(node, numbers) {
  for (const [name, value] of Object.entries(numbers)) node.style.setProperty(`--${name}`, value);
  return node;
}
