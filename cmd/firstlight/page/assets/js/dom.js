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
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// fromTemplate clones a template's element; its parts are found by their data-slot.
export function fromTemplate(id) {
  const node = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const slots = {};
  for (const part of node.querySelectorAll("[data-slot]")) slots[part.dataset.slot] = part;
  return { node, ...slots };
}

// replace changes what a node holds, and keeps the focus on the element with the same data-key.
export function replace(node, ...children) {
  const key = node.contains(document.activeElement) && document.activeElement.dataset.key;
  node.replaceChildren(...children.flat().filter(Boolean));
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
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
