package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// charts are the panels that are pictures, by metric.
var charts = map[string][]string{
	"activated":    {"line", "triangle", "steps", "cohorts", "segments"},
	"first_report": {"line", "curve", "triangle", "cohorts", "segments"},
	"exports":      {"line", "triangle", "cohorts", "segments"},
}

// Every chart is taken along as a picture, every panel as a link, and its rows as CSV.
func pageShare(t *testing.T, _ *daemon, on func(look) *tab) {
	for name, l := range map[string]look{"light": desktop, "dark": {width: 1280, height: 900, dark: true}, "phone": phone} {
		b := on(l)
		for metric, panels := range charts {
			b.open(query("metric", metric))
			for _, panel := range panels {
				b.picture(panel, metric+"-"+panel+"-picture-"+name)
			}
			if name != "light" {
				continue
			}
			if got := b.count(".panel .png:not([hidden])"); got != len(panels) {
				t.Errorf("%s: %d panels have a picture, want %d", metric, got, len(panels))
			}
			if links, all := b.count(".panel .copy-link"), b.count(".panel"); links != all {
				t.Errorf("%s: %d links to %d panels", metric, links, all)
			}
			for _, address := range eval[[]string](b, `[...document.querySelectorAll(".panel .tools a[download]")].map((a) => a.href)`) {
				answer, err := http.Get(address)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
					t.Errorf("%s: %s %s", address, answer.Status, answer.Header.Get("Content-Type"))
				}
			}
		}
		b.fine()
	}
}

// picture saves a panel's picture as its button does, below .screenshots for people, and checks that it shows the chart: it is not
// cut off, and has the colour of values in it.
func (b *tab) picture(panel, name string) {
	b.t.Helper()
	seen, err := chromedp.Run(b.ctx, chromedp.Evaluate[struct {
		Width, Height, Values int
		Whole                 float64 // width of the chart on the page
		Bands, Rows           int     // rows of a chart of HTML that have a link or a bar: in the picture, on the page
		PNG                   string
	}](fmt.Sprintf(`new Promise((done) => {
		const make = URL.createObjectURL.bind(URL);
		URL.createObjectURL = (blob) => {
			URL.createObjectURL = make;
			createImageBitmap(blob).then((p) => {
				const ctx = new OffscreenCanvas(p.width, p.height).getContext("2d");
				ctx.drawImage(p, 0, 0);
				const { data } = ctx.getImageData(0, 0, p.width, p.height);
				let values = 0, bands = 0, before = 0;
				for (let y = 0; y < p.height; y++) {
					let here = 0;
					for (let x = 0; x < p.width; x++) if (data[4 * (y * p.width + x) + 2] - data[4 * (y * p.width + x)] > 60) here++; // blue
					if (here && !before) bands++;
					values += here;
					before = here;
				}
				const rows = document.querySelectorAll("#%[1]s .body tbody th a, #%[1]s .body .bar").length;
				const reader = new FileReader();
				const whole = Math.max(...[...document.querySelectorAll("#%[1]s .body, #%[1]s .body .scroll")].map((e) => e.scrollWidth));
				reader.onload = () => done({ Width: p.width, Height: p.height, Values: values, Bands: bands, Rows: rows, Whole: whole, PNG: reader.result.split(",")[1] });
				reader.readAsDataURL(blob);
			});
			return make(blob);
		};
		document.querySelector("#%[1]s .png").click();
	})`, panel), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	if float64(seen.Width) < seen.Whole || seen.Height < 100 || seen.Values < 200 {
		b.t.Errorf("%s is %d × %d with %d pixels of values, the chart is %.0f wide", name, seen.Width, seen.Height, seen.Values, seen.Whole)
	}
	if seen.Rows > 0 && seen.Bands != seen.Rows {
		b.t.Errorf("%s shows %d rows of %d", name, seen.Bands, seen.Rows)
	}
	data, err := base64.StdEncoding.DecodeString(seen.PNG)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pictures, name+".png"), data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
