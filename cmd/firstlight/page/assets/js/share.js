// Taking a panel along: a link that leads to it, and its chart as a picture.

import { el, svg } from "./dom.js";
import { theme } from "./theme.js";

// linkTo makes a button that copies the address of what is shown, with the panel's place in it.
export function linkTo(id, title) {
  const button = el("button", { type: "button", class: "copy-link", "aria-label": `Copy a link to: ${title}` }, "Link");
  button.addEventListener("click", async () => {
    history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
    const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    button.textContent = copied ? "Copied" : "In the address bar";
  });
  return button;
}

// pictureOf makes a button that saves what canvas() returns, or will return, with the title above it, as a PNG.
export function pictureOf(id, title, canvas) {
  const button = el("button", { type: "button", class: "png", hidden: true, "aria-label": `${title}, as PNG` }, "PNG");
  button.addEventListener("click", async () => picture(await canvas(), title).toBlob((blob) => {
    const link = el("a", { href: URL.createObjectURL(blob), download: `${id}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }));
  return button;
}

// drawn paints a chart that is made of HTML on a canvas, as it looks on the page: as an SVG that holds a copy of it with the
// page's styles. What scrolls is there whole.
export async function drawn(node) {
  const margin = 12;
  const width = Math.max(node.clientWidth, ...[...node.querySelectorAll(".scroll")].map((part) => part.scrollWidth)) + 2 * margin;
  const height = node.scrollHeight + 2 * margin;
  const copy = node.cloneNode(true);
  Object.assign(copy.style, { padding: `${margin}px`, width: `${width}px` });
  const html = el("html", {}, copy); // which the style sheet gives its type
  html.style.background = "none";
  const whole = svg("svg", { width, height }, svg("style", {}, styles().join("\n")), svg("foreignObject", { width, height }, html));
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(whole))}`;
  await image.decode();
  const canvas = el("canvas", { width: width * devicePixelRatio, height: height * devicePixelRatio });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// styles are the rules that hold for this screen.
function styles() {
  const inForce = (rule) => (rule instanceof CSSMediaRule ? (matchMedia(rule.conditionText).matches ? [...rule.cssRules].flatMap(inForce) : []) : [rule.cssText]);
  return [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).flatMap(inForce);
}

function picture(chart, title) {
  const head = 36 * devicePixelRatio;
  const whole = el("canvas", { width: chart.width, height: chart.height + head });
  const ctx = whole.getContext("2d");
  const c = theme();
  ctx.fillStyle = c.surface;
  ctx.fillRect(0, 0, whole.width, whole.height);
  ctx.fillStyle = c.text;
  ctx.font = `600 ${14 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.fillText(title, 12 * devicePixelRatio, 22 * devicePixelRatio);
  ctx.drawImage(chart, 0, head);
  return whole;
}
