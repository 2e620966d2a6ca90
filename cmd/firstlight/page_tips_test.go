package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Explanations are read whole, at every width, and stay while numbers renew themselves.
func pageTips(t *testing.T, _ *daemon, on func(look) *tab) {
	for _, l := range []look{desktop, {width: 390, height: 844}} {
		b := on(l)
		for _, path := range []string{"/", query("metric", "exports")} {
			b.open(path)
			for i := range b.count("main .term") {
				outside := eval[string](b, fmt.Sprintf(`((word) => {
					const details = word.closest("details");
					if (details) details.open = true;
					word.scrollIntoView({ block: "start" });
					word.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
					const tip = word.parentElement.querySelector("[role=tooltip]");
					const r = tip.getBoundingClientRect();
					const seen = [[r.left + 8, r.top + 8], [r.right - 8, r.bottom - 8]].every(([x, y]) => document.elementFromPoint(x, y) === tip);
					return seen && r.left >= 0 && r.right <= innerWidth && r.top >= 0 && r.bottom <= innerHeight ? "" : word.textContent + " " + JSON.stringify(r);
				})(document.querySelectorAll("main .term button")[%d])`, i))
				if outside != "" {
					t.Errorf("at %d of %s an explanation is not seen whole: %s", l.width, path, outside)
				}
			}
		}
		b.fine()
	}
}

// While new numbers are slow to come, the last ones are there, grey and with their time.
func pageLast(t *testing.T, _ *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open("/")
	value := b.text(`.tile[data-metric="exports"] .value`)
	b.mu.Lock()
	b.silent = true // the browser tells of requests that are blocked
	b.mu.Unlock()
	block := func(yes bool) {
		t.Helper()
		patterns := []*network.BlockPattern{{URLPattern: "*://*:*/api/status.json", Block: yes}}
		if _, err := chromedp.Call(b.ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: patterns}); err != nil {
			t.Fatal(err)
		}
	}
	block(true)
	for _, c := range []struct{ path, at string }{{"/", `.tile[data-metric="exports"]`}, {query("metric", "exports"), ".metric"}} {
		b.do(chromedp.Navigate(b.origin + c.path))
		b.until(fmt.Sprintf(`document.querySelector('%s[data-old] .old')?.textContent.startsWith("Numbers of ") === true`, c.at))
		if got := b.text(c.at + " .value"); got != value {
			t.Errorf("%s: the last number %q became %q", c.path, value, got)
		}
		b.shot("last-light")
	}
	block(false)
	b.open("/")
	b.fine()
}
