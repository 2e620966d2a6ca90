package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What a browser lets pages of other sites do with Firstlight, in a real Chromium whose person has given the token.

// elsewhere is a page of another site that tries everything: FACE is Firstlight's origin, READERS and OWNERS are those of the embedded
// engine.
const elsewhere = `<!doctype html><meta charset="utf-8"><title>elsewhere</title>
<a id="link" href="FACE/?metric=activated">look</a>
<form id="form" method="post" action="FACE/login"><input name="token" value="x"><input name="to" value="/"></form>
<form id="engine" method="post" enctype="text/plain" action="READERS/?readonly=0"><input name="DROP DATABASE firstlight -- " value="x"></form>
<iframe id="frame" src="FACE/"></iframe>
<script>
window.results = {};
const note = (name) => ({ onload: () => (results[name] = "loaded"), onerror: () => (results[name] = "refused") });
const image = Object.assign(new Image(), note("image"));
image.src = "FACE/api/status.json";
const icon = Object.assign(new Image(), note("icon"));
icon.src = "FACE/assets/icon.svg";
document.head.append(Object.assign(document.createElement("script"), note("script"), { src: "FACE/api/status.json" }));
document.head.append(Object.assign(document.createElement("script"), note("module"), { src: "FACE/assets/js/main.js", type: "module" }));
document.head.append(Object.assign(document.createElement("link"), note("style"), { rel: "stylesheet", href: "FACE/assets/css/base.css" }));
for (const path of ["/api/status.json", "/metrics", "/", "/healthz"])
  for (const mode of ["cors", "no-cors"])
    fetch("FACE" + path, { mode, credentials: "include" }).then((r) => r.text().then((text) => (results[mode + path] = "read " + text.length)), () => (results[mode + path] = "refused"));
fetch("FACE/login", { method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({ token: "x" }) }).then(() => (results.post = "answered"), () => (results.post = "refused"));
for (const [who, engine] of [["readers", "READERS"], ["owners", "OWNERS"]])
  for (const sql of ["SELECT 'window.stolen = 1' FORMAT TSVRaw", "DROP DATABASE firstlight"]) {
    const url = engine + "/?readonly=0&query=" + encodeURIComponent(sql), name = who + " " + sql + " ";
    Object.assign(new Image(), note(name + "image")).src = url;
    document.head.append(Object.assign(document.createElement("script"), note(name + "script"), { src: url }));
    for (const method of ["GET", "POST"])
      for (const mode of ["cors", "no-cors"])
        fetch(url, { method, mode, credentials: "include" }).then((r) => r.text().then((text) => (results[name + method + mode] = "read " + text.length)), () => (results[name + method + mode] = "refused"));
  }
</script>`

func TestPagesOfOtherSites(t *testing.T) {
	b := newMigratedBox(t)
	const token = "open-sesame-1"
	b.env["FIRSTLIGHT_HTTP_TOKEN"] = token
	d := b.start("run")
	face := "http://" + d.at.HTTP
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, strings.NewReplacer("FACE", face, "READERS", "http://"+d.at.ClickHouse, "OWNERS", "http://"+d.at.Engine).Replace(elsewhere))
	}))
	defer site.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(site.URL, "http://"), ":")
	chrome := browser(t, chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"))
	tab := newTab(t, chrome, face, desktop)
	tab.silent = true // requests are to be refused, and the console says so

	// A link leads to the form, and the form back to where the link pointed.
	tab.do(chromedp.Navigate(face + "/?metric=activated"))
	tab.until(`document.querySelector("#token") !== null`)
	enter := func(text string) {
		eval[bool](tab, fmt.Sprintf(`(document.querySelector("#token").value = %q, document.querySelector("form").requestSubmit(), true)`, text))
	}
	enter("wrong")
	tab.until(`document.querySelector("[role=alert]")?.textContent.includes("not the token") === true`)
	enter(token)
	tab.until(`location.search === "?metric=activated" && document.querySelector("#token") === null && document.querySelector("#main") !== null`)
	if cookies := eval[string](tab, "document.cookie"); cookies != "" {
		t.Errorf("scripts read the cookie: %s", cookies)
	}
	if status := eval[string](tab, `"" + location.href`); strings.Contains(status, token) {
		t.Errorf("the token is in the address: %s", status)
	}

	// Another site reaches nothing.
	tab.do(chromedp.Navigate("http://evil.example:" + port + "/"))
	const tries = 5 + 2*4 + 1 + 2*2*(2+2*2)
	tab.until(fmt.Sprintf(`window.results !== undefined && Object.keys(results).length === %d`, tries))
	for name, result := range eval[map[string]string](tab, "results") {
		if result != "refused" {
			t.Errorf("a page of another site: %s is %s", name, result)
		}
	}
	if eval[bool](tab, "window.stolen !== undefined") {
		t.Error("a page of another site runs what the engine answers")
	}
	b.eventually("Chromium refuses the frame", func() bool {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		return slices.ContainsFunc(tab.logged, func(line string) bool {
			return strings.Contains(line, "frame") && strings.Contains(line, face)
		})
	})
	eval[bool](tab, `(document.querySelector("#form").submit(), true)`)
	tab.until(`location.pathname === "/login" && document.body.textContent.includes("other sites")`)

	tab.do(chromedp.Navigate("http://evil.example:" + port + "/"))
	tab.until(`document.querySelector("#engine") !== null`)
	eval[bool](tab, `(document.querySelector("#engine").submit(), true)`)
	tab.until(`location.search === "?readonly=0" && document.body.textContent.includes("other sites")`)
	if got := d.tsv("SELECT count() FROM activation_by_cohort"); got != "0" {
		t.Errorf("after what another site tried with the engine a view answers %q", got)
	}

	// A link from there is followed, with the session.
	tab.do(chromedp.Navigate("http://evil.example:" + port + "/"))
	tab.until(`document.querySelector("#link") !== null`)
	eval[bool](tab, `(document.querySelector("#link").click(), true)`)
	tab.until(`location.search === "?metric=activated" && document.querySelector("#main") !== null && document.querySelector("#token") === null`)

	// A name of another site that leads here is not answered for.
	_, own, _ := strings.Cut(d.at.HTTP, ":")
	tab.do(chromedp.Navigate("http://rebound.example:" + own + "/api/status.json"))
	tab.until(`document.body.textContent.includes("does not answer for that host")`)
	_, own, _ = strings.Cut(d.at.ClickHouse, ":")
	tab.do(chromedp.Navigate("http://rebound.example:" + own + "/?query=SELECT+1"))
	tab.until(`document.body.textContent.includes("answer") && !document.body.textContent.startsWith("1")`)
}
