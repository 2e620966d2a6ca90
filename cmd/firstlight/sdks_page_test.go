package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// acmePage is a page whose clock is off, with the SDKs in the files that their packages have for browsers.
const acmePage = `<!doctype html>
<title>Acme</title>
<link rel="icon" href="data:,">
<script>
const now = () => real.now() + %d, real = Date
Date = new Proxy(real, {
	construct: (target, args, made) => Reflect.construct(target, args.length ? args : [now()], made),
	get: (target, name) => name === "now" ? now : target[name],
})
</script>
<script type="importmap">{"imports": {
	"@segment/analytics-next": "data:text/javascript,export const { AnalyticsBrowser } = AnalyticsNext",
	"@rudderstack/analytics-js/bundled": "/sdk/@rudderstack/analytics-js/dist/npm/modern/bundled/esm/index.mjs",
	"posthog-js": "/sdk/posthog-js/dist/module.mjs"
}}</script>
<script src="/sdk/@segment/analytics-next/dist/umd/index.js"></script>
<script type="module">
%s
document.title = "Done"
</script>
`

// pages is a web server of another origin than the collector's.
type pages struct {
	origin string
	mu     sync.Mutex
	html   map[string]string // by path
}

// newPages starts one, which serves the files of a folder of packages too.
func newPages(t *testing.T, modules string) *pages {
	t.Helper()
	p := &pages{html: map[string]string{}}
	mux := http.NewServeMux()
	mux.Handle("/sdk/", http.StripPrefix("/sdk/", http.FileServer(http.Dir(modules))))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, p.html[r.URL.Path])
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.origin = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return p
}

// open opens the page of an SDK in a browser that has never seen another.
func (p *pages) open(t *testing.T, chromium context.Context, s *sdk, script, collector string) *sdkTab {
	t.Helper()
	p.mu.Lock()
	p.html["/"+s.name] = fmt.Sprintf(acmePage, s.ahead.Milliseconds(), script)
	p.mu.Unlock()
	window, end := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext()) // stays when the page is closed
	t.Cleanup(end)
	if err := chromedp.Do(window); err != nil {
		t.Fatal(err)
	}
	tab := &sdkTab{own: []string{p.origin + "/", collector + "/", "data:"}}
	ctx, end := chromedp.NewContext(window, chromedp.WithListener(tab.hear))
	t.Cleanup(end)
	tab.ctx = ctx
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(p.origin+"/"+s.name)); err != nil {
		t.Fatal(err)
	}
	return tab
}

// sdkTab is a page with an SDK.
type sdkTab struct {
	ctx   context.Context
	own   []string // how addresses begin that it may ask for
	mu    sync.Mutex
	wrong []string
}

func (b *sdkTab) hear(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Text+" "+description(e.ExceptionDetails.Exception))
	case *network.EventRequestWillBeSent:
		for _, own := range b.own {
			if strings.HasPrefix(e.Request.URL, own) {
				return
			}
		}
		b.wrong = append(b.wrong, "request to "+e.Request.URL)
	}
}

// called waits until the page has made all its calls.
func (b *sdkTab) called(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`new Promise((done) => {
		const look = () => document.title === "Done" ? done(true) : setTimeout(look, 20)
		look()
	})`, chromedp.EvalAwaitPromise)); err != nil {
		t.Fatal(err)
	}
}

// close closes the page as its user does.
func (b *sdkTab) close(t *testing.T) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, page.Close, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
}

// fine fails the test for exceptions, and for what the SDK has asked of others.
func (b *sdkTab) fine(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wrong := range b.wrong {
		t.Error(wrong)
	}
}
