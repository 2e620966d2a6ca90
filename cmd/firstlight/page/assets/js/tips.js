// Explanations of words, shown while one points at a word or has the focus on it, above everything and inside the window.

const edge = 8; // px to the window's edge

let shown = null;

function show(term) {
  const tip = term.querySelector("[role=tooltip]");
  if (tip === shown) return;
  hide();
  shown = tip;
  tip.showPopover();
  const word = term.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const x = Math.max(edge, Math.min(word.left + (word.width - width) / 2, document.documentElement.clientWidth - width - edge));
  const y = word.top - height >= 0 ? word.top - height : word.bottom;
  tip.style.setProperty("--x", `${x}px`);
  tip.style.setProperty("--y", `${y}px`);
}

function hide() {
  if (shown?.isConnected) shown.hidePopover();
  shown = null;
}

// tips listens for all words, also for those that come later.
export function tips() {
  const termAt = (e) => e.target.closest?.(".term");
  document.addEventListener("pointerover", (e) => {
    if (termAt(e)) show(termAt(e));
    else if (!document.activeElement?.matches(".term button:focus-visible")) hide();
  });
  document.addEventListener("focusin", (e) => {
    if (termAt(e) && e.target.matches(":focus-visible")) show(termAt(e));
    else if (!termAt(e)) hide();
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (e) => e.key === "Escape" && hide());
  addEventListener("scroll", hide, { passive: true, capture: true });
}
