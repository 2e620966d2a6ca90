package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A line stands beside that of the period before or of another segment, and is taken along as a link and a picture.
func pageCompare(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	base := []string{"metric", "activated", "window", "1d", "from", "2026-04-06", "until", "2026-04-19"}
	values := func(more ...string) url.Values {
		v := url.Values{}
		for _, pairs := range [][]string{base, more} {
			for i := 0; i < len(pairs); i += 2 {
				v.Set(pairs[i], pairs[i+1])
			}
		}
		return v
	}
	for _, c := range []struct {
		compare, name string
		want          url.Values
	}{
		{"before", "the period before", values("from", "2026-03-23", "until", "2026-04-05")},
		{"plan=free", "plan free", values("segment", "plan", "value", "free")},
	} {
		b.open(query(append(base, "compare", c.compare)...))
		line := ask(t, d, "activation_line", c.want)
		var want []any
		for i, v := range line.column("value") {
			if line.column("n")[i].(float64) < leastUsers {
				v = nil
			}
			want = append([]any{v}, want...)
		}
		got := eval[[]any](b, `document.querySelector("#line .stage").chart.data[6]`)
		if fmt.Sprint(got) != fmt.Sprint(want) || line.count("value") == 0 {
			t.Errorf("compared with %s the grey line is\n%v, the view has\n%v", c.compare, got, want)
		}
		if got := b.text("#line .lead"); !strings.HasSuffix(got, "Grey: "+c.name+".") {
			t.Errorf("the grey line is not named: %q", got)
		}
		if got := eval[string](b, `document.getElementById("choose-compare").value`); got != c.compare {
			t.Errorf("%q is chosen, not %q", got, c.compare)
		}
	}
	b.shot("compare-light")
	size, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]int](`new Promise((done) => {
		const make = URL.createObjectURL.bind(URL);
		URL.createObjectURL = (blob) => { createImageBitmap(blob).then((p) => done([p.width, p.height])); return make(blob); };
		document.querySelector("#line .png").click();
	})`, chromedp.EvalAwaitPromise))
	if err != nil || size[0] < 600 || size[1] < 300 {
		t.Errorf("the picture is %v: %v", size, err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#cohorts .copy-link").click()`))
	b.until(`location.hash === "#cohorts" && document.querySelector("#cohorts .copy-link").textContent !== "Link"`)
	address := eval[string](b, `location.pathname + location.search + location.hash`)
	b.do(chromedp.Navigate("about:blank"))
	b.open(address)
	b.until(`Math.abs(document.getElementById("cohorts").getBoundingClientRect().top) < innerHeight`)
	b.fine()
}
