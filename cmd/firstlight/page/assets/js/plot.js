// What all canvas charts share: they fill their host's width, are reached by keyboard, and say what they point at.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { el } from "./dom.js";
import { onTheme } from "./theme.js";

const height = () => (innerWidth < 600 ? 220 : 300);

// plot keeps a chart in host. `options(width)` and `data()` are asked whenever it is made anew; `read(i)` is what the
// chart says about its i-th x.
export function plot(host, label, options, data, read, resting) {
  const readout = el("p", { class: "readout", "aria-live": "polite" }, resting);
  const stage = el("div", { class: "stage", tabindex: "0", role: "group", "aria-roledescription": "chart", "aria-label": label });
  let chart = null;
  let at = null; // what is pointed at

  function make() {
    const width = host.clientWidth;
    if (!width) return;
    chart?.destroy();
    at = null;
    chart = new uPlot(
      {
        width,
        height: height(),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 9 } },
        ...options(width),
        hooks: merge({ setCursor: [(u) => point(u.cursor.idx)] }, options(width).hooks),
      },
      data(),
      stage,
    );
    stage.chart = chart;
  }

  function point(i) {
    at = i;
    readout.textContent = i === null || i === undefined ? resting : read(i);
  }

  stage.addEventListener("keydown", (e) => {
    const n = chart.data[0].length;
    const to = { ArrowLeft: (at ?? n) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: n - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    pointAt(Math.min(n - 1, Math.max(0, to)));
  });

  // pointAt is what pointing with the mouse does. The chart tells of it late, so this says it at once as well.
  function pointAt(i) {
    chart.setCursor({ left: chart.valToPos(chart.data[0][i], "x"), top: 10 });
    point(i);
  }

  host.replaceChildren(stage, readout);
  const sized = new ResizeObserver(() => { if (chart?.width !== host.clientWidth) make(); });
  sized.observe(host);
  const stop = onTheme(make);
  make();
  return {
    // point goes back to where a chart that this one follows was pointed at.
    point({ i, focused }) {
      if (focused) stage.focus({ preventScroll: true });
      if (i !== null && i !== undefined) queueMicrotask(() => pointAt(Math.min(i, chart.data[0].length - 1))); // after the first drawing
    },
    canvas: () => chart.ctx.canvas,
    pointedAt() {
      const focused = stage === document.activeElement;
      return focused || (at !== null && at !== undefined) ? { i: at, focused } : null;
    },
    destroy() {
      sized.disconnect();
      stop();
      chart?.destroy();
    },
  };
}

const merge = (a, b = {}) =>
  Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((k) => [k, [...(a[k] ?? []), ...(b[k] ?? [])]]));

// hatch fills a part of the plot with thin diagonal lines.
export function hatch(u, left, right, colour) {
  const { ctx, bbox } = u;
  const from = Math.max(bbox.left, left),
    to = Math.min(bbox.left + bbox.width, right);
  if (to <= from) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, bbox.top, to - from, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = from - bbox.height; x < to; x += 8 * devicePixelRatio) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

export { uPlot };
