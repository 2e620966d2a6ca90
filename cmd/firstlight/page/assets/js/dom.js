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

// replace changes what a node holds. What is there stays where it is alike, so that whatever is pointed at, open or scrolled
// stays so while numbers renew themselves; new children have no listeners of their own for that. The focus stays: on the
// element with the same data-key, else on the one that has the same place among those that can have it.
export function replace(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? focusable(node).indexOf(focused) : -1;
  const key = focused?.dataset.key;
  const wanted = children.flat(Infinity).filter(Boolean);
  if (wanted.some((child) => child.isConnected)) node.replaceChildren(...wanted);
  else become(node, wanted);
  if (!focused || (document.activeElement === focused && focused.dataset.key === key)) return;
  const same = key ? node.querySelector(`[data-key="${CSS.escape(key)}"]`) : focusable(node)[place];
  same?.focus({ preventScroll: true });
}

// become gives a node these children: nodes and texts.
function become(node, wanted) {
  const had = [...node.childNodes];
  wanted.forEach((child, i) => {
    const next = child instanceof Node ? child : document.createTextNode(child);
    if (had[i]) adapt(had[i], next);
    else node.append(next);
  });
  for (const more of had.slice(wanted.length)) more.remove();
}

// adapt makes a child what the next one is, or puts that in its place when they are of different kinds.
function adapt(child, next) {
  if (child.nodeName !== next.nodeName) return child.replaceWith(next);
  if (child.nodeType === Node.TEXT_NODE) {
    if (child.data !== next.data) child.data = next.data;
    return;
  }
  for (const { name } of [...child.attributes]) if (name !== "style" && !next.hasAttribute(name)) child.removeAttribute(name);
  for (const { name, value } of next.attributes) if (name !== "style" && child.getAttribute(name) !== value) child.setAttribute(name, value);
  const shown = child.matches("[popover]") && child.matches(":popover-open"); // it stands where tips.js put it
  if (!shown && child.style.cssText !== next.style.cssText) child.style.cssText = next.style.cssText;
  become(child, [...next.childNodes]);
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

// term is a word with its explanation, which tips.js shows.
export function term(word, explanation) {
  const id = `term-${++terms}`;
  return el("span", { class: "term" }, el("button", { type: "button", "aria-describedby": id }, word), el("span", { role: "tooltip", id, popover: "manual" }, explanation));
}

// place puts numbers into custom properties: the style sheet does the rest.
export function place(node, numbers) {
  for (const [name, value] of Object.entries(numbers)) node.style.setProperty(`--${name}`, value);
  return node;
}

// folded keeps details open on wide screens and closed on phones, until the function it returns is called.
export function folded(...all) {
  const wide = matchMedia("(min-width: 40.01rem)");
  const fold = () => { for (const details of all) details.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  return () => wide.removeEventListener("change", fold);
}
