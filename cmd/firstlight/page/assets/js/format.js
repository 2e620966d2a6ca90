// Numbers, times and days as people read them. The product's time zone is set once.

const space = "\u202f"; // narrow, never breaks
let zone = "UTC";

// never is the stream's time before its first event.
export const never = "1970-01-01T00:00:00.000Z";

export function setZone(name) {
  zone = name;
}
export function getZone() {
  return zone;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const count = (n) => whole.format(n);

// plural says "1 user" or "1,204 users".
export const plural = (n, one, many = one + "s") => `${count(n)} ${Number(n) === 1 ? one : many}`;

// percent keeps three figures at most: 43.0 %, 4.31 %, 100 %.
export function percent(share) {
  if (share === null || share === undefined) return "–";
  const p = share * 100;
  const digits = p === 0 || p >= 99.95 ? 0 : p < 1 ? 2 : 1;
  return p.toFixed(digits) + space + "%";
}

const units = [
  [365 * 86400, "year"],
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];
const short = { year: "y", day: "d", hour: "h", minute: "min", second: "s" };

// duration is in the largest unit that fits: 1.8 days, 42 minutes.
export function duration(seconds, brief = false) {
  if (seconds === null || seconds === undefined) return "–";
  const [size, unit] = units.find(([size]) => seconds >= size) ?? units.at(-1);
  const n = seconds / size;
  const text = n >= 100 || Number.isInteger(n) ? whole.format(n) : n.toFixed(1).replace(/\.0$/, "");
  return brief ? text + space + short[unit] : `${text} ${unit}${text === "1" ? "" : "s"}`;
}

// age names an age since entry: whole units, weeks from four on.
export function age(seconds) {
  for (const [size, unit] of [
    [604800, "w"],
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ]) {
    if (seconds % size === 0 && (unit !== "w" || seconds > 28 * 86400)) return seconds / size + space + unit;
  }
  return seconds + space + "s";
}

const dayOf = (options) => (text) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(new Date(text + "T00:00:00Z"));
export const day = dayOf({ day: "numeric", month: "short", year: "numeric" });
export const shortDay = dayOf({ day: "numeric", month: "short" });
const monthName = dayOf({ month: "long", year: "numeric" });

// cohortName names a cohort by its grain.
export function cohortName(start, grain, brief = false) {
  if (grain === "month") return brief ? monthName(start) : `those of ${monthName(start)}`;
  const text = brief ? shortDay(start) : day(start);
  return grain === "week" ? (brief ? text : `week of ${text}`) : text;
}

// moment is a point in time in the product's zone.
export function moment(at, options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(new Date(at));
}

// localDay is the product's day of a moment, as 2027-03-31.
export function localDay(at) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date(at));
}

export function addDays(text, days) {
  const t = new Date(text + "T00:00:00Z");
  t.setUTCDate(t.getUTCDate() + days);
  return t.toISOString().slice(0, 10);
}

// ago says how long before another moment something was.
export function ago(at, now) {
  const seconds = Math.round((new Date(now) - new Date(at)) / 1000);
  return seconds < 5 ? "just now" : `${duration(Math.max(1, seconds >= 3600 ? seconds : Math.round(seconds)))} ago`;
}

const windowNames = { "1h": "hour", "1d": "day", "1w": "week", "1mo": "month" };

// windowName says "by day", "7 days back, every day".
export function windowName(name) {
  return windowNames[name] ? `by ${windowNames[name]}` : `last ${parseInt(name, 10)} days, each day`;
}

// windowText names one window.
export function windowText(row, window) {
  const options = { day: "numeric", month: "short", year: "numeric" };
  if (window === "1h") return moment(row.window_start, { ...options, hour: "2-digit", minute: "2-digit" });
  const first = moment(row.window_start, options);
  if (window === "1d") return first;
  return `${first} – ${moment(new Date(row.window_end) - 1, options)}`;
}

// titled makes a name of the catalog a title: "First report".
export const titled = (name) => name.slice(0, 1).toUpperCase() + name.slice(1).replaceAll("_", " ");

// periodOf is the first instant of a cohort's period and of the next one, ms.
export function periodOf(start, grain) {
  const next =
    grain === "month" ? addDays(addDays(start.slice(0, 8) + "01", 32).slice(0, 8) + "01", 0) : addDays(start, grain === "week" ? 7 : 1);
  return [midnight(start), midnight(next)];
}

// midnight is the first instant of a day of the product, nearly: to the offset that holds at its noon.
function midnight(text) {
  const noon = new Date(text + "T12:00:00Z").getTime();
  const there = new Date(new Date(noon).toLocaleString("sv", { timeZone: zone }).replace(" ", "T") + "Z").getTime();
  return new Date(text + "T00:00:00Z").getTime() - (there - noon);
}
