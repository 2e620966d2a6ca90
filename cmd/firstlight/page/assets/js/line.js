// A metric over time: a line with its interval as a band, windows that may still change dashed and hollow, and what
// happened meanwhile marked. Windows of few users and those that are not over are faded dots beside it: a line down to
// them would look like a drop.

import { duration, getZone, moment, percent, windowText } from "./format.js";
import { words } from "./kinds/words.js";
import { hatch, plot, uPlot } from "./plot.js";
import { font, theme } from "./theme.js";
import { saysPlain, valueOf } from "./words.js";

const trailing = (window) => window.endsWith("/1d");

// when is where a window stands on the time axis, in seconds.
const when = (row, window) => new Date(trailing(window) ? row.window_end : row.window_start) / 1000;

// line draws rows, oldest first; fewer than `least` users are few. marks are { from, until, label, kind: "bad" | "annotation" |
// "cohort", strong }. other is { name, rows }, a grey line beside it with a row, or null, for each of rows.
export function line(host, { kind, window, rows, marks, goal, least, other }) {
  const open = rows.map((row) => row.is_provisional);
  const faded = rows.map((row) => !row.is_settled || row.n < least);
  const x = rows.map((row) => when(row, window));
  const firm = rows.map((row, i) => (open[i] || faded[i] ? null : row.value));
  // A dashed step begins and ends at its neighbours, which are dots of the solid line.
  const dashed = (i) => open[i] && !faded[i];
  const loose = rows.map((row, i) => (!faded[i] && (open[i] || dashed(i - 1) || dashed(i + 1)) ? row.value : null));
  const hollow = rows.flatMap((row, i) => (dashed(i) && row.value !== null ? [i] : []));
  const apart = rows.map((row, i) => (faded[i] ? row.value : null));
  const beside = rows.map((_, i) => other?.rows[i] ?? null);
  const firmBeside = beside.map((row) => (row && row.is_settled && row.n >= least ? row.value : null));
  const text = valueOf(kind);
  const young = rows.findIndex((row, i) => row.value === null && rows.slice(i).every((later) => later.value === null));
  const label = `Line with ${rows.filter((row) => row.value !== null).length} values from ${windowText(rows[0], window)} to ${windowText(rows.at(-1), window)}. The data table below holds them all.`;

  const options = () => {
    const c = theme();
    const dots = { show: rows.length < 150, size: 6, fill: c.line, stroke: c.line };
    return {
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), getZone()),
      scales: { x: { range: () => span(x) }, y: { range: () => [0, top(kind, rows.map((row, i) => ({ ...row, high: faded[i] ? null : row.high })), Math.max(goal ?? 0, ...firmBeside.map((v) => v ?? 0)))] } },
      axes: [
        {
          stroke: c.quiet,
          font,
          grid: { stroke: c.grid, width: 1 },
          ticks: { stroke: c.grid },
          values: (u, splits, i, space, step) => splits.map((s) => tick(s, step)),
          incrs: spans,
          space: 64,
        },
        {
          stroke: c.quiet,
          font,
          grid: { stroke: c.grid, width: 1 },
          ticks: { show: false },
          size: 56,
          values: (u, splits) => splits.map((v) => short(kind, v)),
          ...(words(kind).time ? { incrs: steps } : {}),
        },
      ],
      series: [
        {},
        { label: "low", stroke: "transparent", width: 0, points: { show: false } },
        { label: "high", stroke: "transparent", width: 0, points: { show: false } },
        { label: "value", stroke: c.line, width: 2, points: dots },
        {
          label: "may still change",
          stroke: c.line,
          width: 2,
          dash: [5, 4],
          points: { show: true, size: 8, fill: c.surface, stroke: c.line, width: 2, filter: () => hollow },
        },
        { label: "few users, or not over", stroke: c.faint, paths: () => null, points: { show: true, size: 7, fill: c.faint, stroke: c.faint } },
        { label: other?.name, stroke: c.quiet, width: 1.5, points: { show: false } },
      ],
      bands: [{ series: [2, 1], fill: c.band }],
      hooks: {
        drawClear: [
          (u) => {
            if (young >= 0) hatch(u, u.valToPos(x[young] - half(x), "x", true), Infinity, c.hatch);
            shade(u, marks, c);
            rules(u, marks, c);
          },
        ],
        draw: [
          (u) => {
            if (goal !== null && goal !== undefined) aim(u, goal, `target ${text(goal)}`, c);
            flags(u, marks, c);
          },
        ],
      },
    };
  };
  const bound = (name) => rows.map((row, i) => (faded[i] ? null : row[name]));
  const data = () => [x, bound("low"), bound("high"), firm, loose, apart, firmBeside];
  const read = (i) => `${windowText(rows[i], window)}: ${saysPlain(kind, rows[i])}${change(rows[i], least)}${than(beside[i])}`;
  const than = (row) => (row ? ` · ${other.name}, ${windowText(row, window)}: ${saysPlain(kind, row)}` : "");
  return plot(host, label, options, data, read, "Point at the line, or focus it and use the arrow keys, to read single values.");
}

function change(row, least) {
  if (row.value === null) return "";
  if (!row.is_settled) return " · not over yet";
  const few = row.n < least ? " · few users: it says little" : "";
  if (row.is_provisional) return few + " · may still change";
  return few + (row.is_final ? " · final" : " · settled, late events may still correct it");
}

const half = (x) => (x.length > 1 ? (x.at(-1) - x.at(-2)) / 2 : 43200);
const span = (x) => [x[0] - half(x), x.at(-1) + half(x)];

function top(kind, rows, goal) {
  const { time } = words(kind);
  const values = rows.flatMap((r) => [r.value, time && r.high > 4 * r.value ? null : r.high]).filter((v) => v !== null);
  const most = Math.max(...values, goal ?? 0, time ? 60 : 0.01) * 1.08;
  return time ? most : Math.min(1, most);
}

// spans are the steps of the time axis, in seconds.
const spans = [3600, 10800, 21600, 43200, 86400, 172800, 345600, 604800, 1209600, 2419200, 7776000, 15552000, 31536000];

// steps are round differences between durations, in seconds.
const steps = [1, 5, 15, 60, 300, 900, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 604800, 1209600, 2419200, 7776000, 31536000];

function short(kind, v) {
  if (words(kind).time) return v === 0 ? "0" : duration(v, true);
  return percent(v).replace(".0", "");
}

function tick(seconds, step) {
  const at = seconds * 1e3;
  if (step > 28 * 86400) return moment(at, { month: "short", year: "numeric" });
  if (step >= 86400) return moment(at, { day: "numeric", month: "short" });
  const hour = moment(at, { hour: "2-digit", minute: "2-digit" });
  return hour === "00:00" ? moment(at, { day: "numeric", month: "short" }) : hour;
}

function shade(u, marks, c) {
  const { ctx, bbox } = u;
  for (const m of marks.filter((m) => m.kind !== "annotation" || m.until > m.from)) {
    const left = Math.max(bbox.left, u.valToPos(m.from, "x", true)),
      right = Math.min(bbox.left + bbox.width, u.valToPos(m.until, "x", true));
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    ctx.save();
    ctx.globalAlpha = m.strong ? 0.3 : 0.14;
    ctx.fillStyle = { bad: c.bad, annotation: m.kind === "annotation" ? noted(m, c) : c.annotation, cohort: c.line }[m.kind];
    ctx.fillRect(left, bbox.top, Math.max(3 * devicePixelRatio, right - left), bbox.height);
    ctx.restore();
  }
}

// noted is the colour of an annotation: what was done about the number has one of its own.
const noted = (m, c) => (m.row?.kind === "action" ? c.action : c.annotation);

// rules are lines down where an annotation begins; where something was done they are drawn through.
function rules(u, marks, c) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  for (const m of marks.filter((m) => m.kind === "annotation")) {
    const at = u.valToPos(m.from, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.strokeStyle = noted(m, c);
    ctx.setLineDash(m.row?.kind === "action" ? [] : [3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

// flags numbers the marks along the upper edge, as the list below the charts does.
function flags(u, marks, c) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  let before = -Infinity,
    down = 0;
  for (const m of marks.filter((m) => m.label).sort((a, b) => a.from - b.from)) {
    const at = u.valToPos(m.kind === "bad" ? (m.from + m.until) / 2 : m.from, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.fillStyle = m.kind === "bad" ? c.bad : noted(m, c);
    const r = 9 * devicePixelRatio;
    down = at - before < 2 * r ? down + 2 * r : 0;
    before = at;
    ctx.beginPath();
    ctx.arc(at, bbox.top + r + down, r, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillStyle = c.surface;
    ctx.fillText(m.label, at, bbox.top + r + down);
  }
  ctx.restore();
}

// aim is a dashed line across at the target.
function aim(u, value, label, c) {
  const { ctx, bbox } = u;
  const y = u.valToPos(value, "y", true);
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = c.quiet;
  ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  const at = [bbox.left + bbox.width - 4 * devicePixelRatio, y - 5 * devicePixelRatio];
  if (u.width > 500) {
    ctx.setLineDash([]);
    Object.assign(ctx, { strokeStyle: c.surface, lineWidth: 4 * devicePixelRatio, lineJoin: "round" });
    ctx.strokeText(label, ...at); // values lie under it
    ctx.fillText(label, ...at);
  }
  ctx.restore();
}
