package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serve(c Config, method, target, host string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	c.AsOf = func() time.Time { return time.Time{} }
	Handler(c).ServeHTTP(w, r)
	return w
}

func TestGuard(t *testing.T) {
	catalog := load(t)
	for _, c := range []struct {
		name, listen, external, method, target, host string
		status                                       int
	}{
		{"shell", "127.0.0.1:8080", "", "GET", "/", "127.0.0.1:8080", 200},
		{"head", "127.0.0.1:8080", "", "HEAD", "/", "localhost:8080", 200},
		{"IPv6", "[::1]:8080", "", "GET", "/", "[::1]:8080", 200},
		{"another site's name", "127.0.0.1:8080", "", "GET", "/", "evil.example:8080", 421},
		{"its numbers", "127.0.0.1:8080", "", "GET", "/api/status.json", "evil.example", 421},
		{"through a proxy", "127.0.0.1:8080", "https://metrics.acme.example/", "GET", "/", "metrics.acme.example", 200},
		{"open to the network", "0.0.0.0:8080", "", "GET", "/", "metrics.acme.example", 200},
		{"write", "127.0.0.1:8080", "", "POST", "/", "localhost", 405},
		{"delete", "127.0.0.1:8080", "", "DELETE", "/api/status.json", "localhost", 405},
		{"no such path", "127.0.0.1:8080", "", "GET", "/admin", "localhost", 404},
		{"no such asset", "127.0.0.1:8080", "", "GET", "/assets/../page.go", "localhost", 307},
		{"no such query", "127.0.0.1:8080", "", "GET", "/api/users.json", "localhost", 404},
		{"no such format", "127.0.0.1:8080", "", "GET", "/api/status.xml", "localhost", 404},
		{"SQL in a metric", "127.0.0.1:8080", "", "GET", "/api/steps.json?metric=x'+OR+1", "localhost", 400},
		{"SQL in a window", "127.0.0.1:8080", "", "GET", "/api/activation_line.json?window=1d'", "localhost", 400},
		{"SQL in a day", "127.0.0.1:8080", "", "GET", "/api/steps.json?from=2026-03-01'", "localhost", 400},
		{"SQL", "127.0.0.1:8080", "", "GET", "/api/status.json?sql=SELECT+1", "localhost", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(Config{Catalog: catalog, Listen: c.listen, ExternalURL: c.external}, c.method, c.target, c.host)
			if w.Code != c.status {
				t.Errorf("%s %s for %s: %d %s, want %d", c.method, c.target, c.host, w.Code, w.Body, c.status)
			}
			if got := w.Header().Get("Content-Security-Policy"); got != policy {
				t.Errorf("policy %q", got)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("types may be guessed")
			}
		})
	}
}

// The policy forbids inline scripts and styles: the shell must have none.
func TestShellHasNothingInline(t *testing.T) {
	shell := strings.ToLower(string(assets["/assets/index.html"].content))
	for _, inline := range []string{"style=", "<style", "onclick=", "onload=", "javascript:", "http://", "https://"} {
		if strings.Contains(shell, inline) {
			t.Errorf("the shell holds %s", inline)
		}
	}
}

func TestAssetsAreAskedForOnce(t *testing.T) {
	c := Config{Catalog: load(t), Listen: "127.0.0.1:80"}
	first := serve(c, "GET", "/assets/js/main.js", "localhost")
	if kind := first.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/javascript") {
		t.Errorf("a module is %q", kind)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/assets/js/main.js", nil)
	r.Host = "localhost"
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	Handler(c).ServeHTTP(w, r)
	if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("%d with %d bytes, want 304 with none", w.Code, w.Body.Len())
	}
}
