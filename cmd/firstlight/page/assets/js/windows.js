// Which kind of window a chart uses when the address names none.

// lineWindow is the first of these that the catalog lists, else its first trailing one.
export const lineWindow = (windows) => ["1d", "1w", "1mo", "1h"].find((w) => windows.includes(w)) ?? windows[0];

// periodWindow is the one whose windows are the cohorts' own periods, else one that divides them.
export function periodWindow(windows, grain) {
  const own = { day: "1d", week: "1w", month: "1mo" }[grain];
  return [own, "1w", "1d", "1mo"].find((w) => windows.includes(w));
}
