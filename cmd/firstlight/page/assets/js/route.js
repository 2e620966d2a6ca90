// What is shown is in the address: a link or the back button brings it back.

const names = ["metric", "window", "range", "from", "until", "cohort", "segment", "value", "incident", "compare", "experiment", "stage"];

export function read(search = location.search) {
  const given = new URLSearchParams(search);
  const route = {};
  for (const name of names) if (given.has(name)) route[name] = given.get(name);
  return route;
}

// href is the address of a route; without a metric or an experiment it is the home screen, of a stage or of all; an empty experiment is all of them.
export function href(route) {
  const kept = new URLSearchParams();
  for (const name of names)
    if (route[name] !== undefined && route[name] !== null && (route[name] !== "" || name === "value" || name === "experiment")) kept.set(name, route[name]);
  const text = kept.toString();
  return text ? `/?${text}` : "/";
}

let changed = () => {};

// start calls `show` for every route, the one of now included.
export function start(show) {
  changed = () => show(read());
  addEventListener("popstate", changed);
  document.addEventListener("click", (e) => {
    const link = e.target.closest?.("a[href]");
    if (!link || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname !== "/" || link.hash) return;
    e.preventDefault();
    go(read(link.search));
  });
  changed();
}

export function go(route) {
  if (href(route) !== location.pathname + location.search) history.pushState(null, "", href(route));
  changed();
}
