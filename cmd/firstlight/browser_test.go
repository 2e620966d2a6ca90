package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"firstlight/pipeline/testtool"
)

// A real Chromium, which tests look at pages with.

// browser starts Chromium, and ends it with the test.
func browser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := testtool.Path(t, "chromium")
	dir, err := os.MkdirTemp("", "firstlight-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.DisableGPU, chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		end()
		stop()
		for range 50 { // its children write for a moment after it has ended
			if os.RemoveAll(dir) == nil {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is one page in the browser, with what went wrong in it.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	also   string // another origin that the page may ask; empty: none

	mu     sync.Mutex
	wrong  []string // errors on the console, and requests to elsewhere
	logged []string // what the browser itself says
	silent bool     // the server is away on purpose
}

// look describes the screen a page is looked at on.
type look struct {
	width, height int64
	dark          bool
}

var desktop, phone = look{width: 1280, height: 900}, look{width: 360, height: 740}

func newTab(t *testing.T, browser context.Context, origin string, l look) *tab {
	t.Helper()
	b := &tab{t: t, origin: origin}
	ctx, end := chromedp.NewContext(browser, chromedp.WithListener(b.hear))
	t.Cleanup(end)
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b.ctx = ctx
	scheme := map[bool]string{false: "light", true: "dark"}[l.dark]
	b.do(chromedp.EmulateViewport(l.width, l.height))
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Text+" "+description(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.wrong = append(b.wrong, fmt.Sprintf("console: %s %s", e.Type, description(e.Args[0])))
		}
	case *log.EventEntryAdded:
		b.logged = append(b.logged, e.Entry.Text+" "+e.Entry.URL)
		if !b.silent {
			b.wrong = append(b.wrong, fmt.Sprintf("log: %s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.origin+"/") && !strings.HasPrefix(e.Request.URL, "data:") && (b.also == "" || !strings.HasPrefix(e.Request.URL, b.also+"/")) {
			b.wrong = append(b.wrong, "request to "+e.Request.URL)
		}
	}
}

func description(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description + " " + string(o.Value)
}

// fine fails the test for everything that went wrong.
func (b *tab) fine() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wrong := range b.wrong {
		b.t.Error(wrong)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval runs JavaScript in a tab.
func eval[T any](b *tab, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js))
	if err != nil {
		b.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// until waits for a condition in JavaScript. It asks a fifth of the time at most: looking is work for the browser.
func (b *tab) until(js string) {
	b.t.Helper()
	for {
		asked := time.Now()
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](js))
		switch {
		case err != nil && !strings.Contains(err.Error(), "navigated or closed"): // it is on its way to another page
			b.t.Fatalf("%s: %v", js, err)
		case is:
			return
		}
		select {
		case <-time.After(max(50*time.Millisecond, 4*time.Since(asked))):
		case <-b.ctx.Done():
			b.t.Fatalf("not within %s: %s", patience, js)
		}
	}
}

// loaded is true when nothing is being asked for and every number is there.
const loaded = `document.querySelector("h1:not(.waiting)") !== null && !document.querySelector('[aria-busy="true"]') &&
	![...document.querySelectorAll(".value")].some((v) => v.textContent === "…") && !document.querySelector("[data-old]") && document.querySelector(".sources, .health .empty") !== null`

// open goes to an address of the page and waits until it is filled.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.origin + path))
	b.until(loaded)
	if said := eval[[]string](b, miscounted); len(said) > 0 {
		b.t.Errorf("%s says %q", path, said)
	}
}

// miscounted are the words on the page that say "1 users".
const miscounted = `document.body.textContent.match(/(?<![\d.,])1 (users|people|events|messages|incidents|cohorts|steps|metrics|points|partitions|notes|hours|days|weeks|months)\b/g) ?? []`

func (b *tab) count(selector string) int {
	b.t.Helper()
	return eval[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", selector))
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).textContent", selector))
}

// pictures is where tests leave what the page looks like, for people who ask for it: painting a whole page takes the browser longer than
// what is checked.
var (
	pictures     = filepath.Join("..", "..", ".screenshots")
	withPictures = flag.Bool("pictures", false, "write what the page looks like to .screenshots")
)

// shot writes what the whole page looks like, where that is asked for.
func (b *tab) shot(name string) {
	b.t.Helper()
	if !*withPictures {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pictures, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// accessible fails the test for what breaks the rules of WCAG 2.2 AA that axe can check.
func (b *tab) accessible() {
	b.t.Helper()
	axe, err := os.ReadFile("../../.engine/node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.t.Fatalf("axe-core is not installed, run `make engine`: %v", err)
		}
		b.t.Log("axe-core is not installed, accessibility is not checked: `make engine` installs it")
		return
	}
	b.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	broken, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
		.then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.help + ": " + n.html + ": " + n.failureSummary)))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, what := range broken {
		b.t.Error(what)
	}
}

// query is the address with these values.
func query(values ...string) string {
	q := url.Values{}
	for i := 0; i < len(values); i += 2 {
		q.Set(values[i], values[i+1])
	}
	return "/?" + q.Encode()
}
