// Colours of canvases come from the style sheet, so that light and dark are decided in one place.

const names = ["line", "band", "grid", "text", "quiet", "surface", "bad", "annotation", "action", "faint", "hatch"];

export function theme() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export const font = "12px system-ui, sans-serif";

// onTheme calls when light and dark change, until the function it returns is called.
export function onTheme(changed) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
