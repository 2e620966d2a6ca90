package page

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func serve(c Config, method, target, host string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	c.Hide = func(text string) string { return text }
	c.AsOf = func() time.Time { return time.Time{} }
	c.Importing = func() bool { return false }
	Handler(c).ServeHTTP(w, r)
	return w
}

func TestGuard(t *testing.T) {
	catalog := load(t)
	for _, c := range []struct {
		name, method, target string
		status               int
	}{
		{"shell", "GET", "/", 200},
		{"head", "HEAD", "/", 200},
		{"write", "POST", "/", 405},
		{"delete", "DELETE", "/api/status.json", 405},
		{"no such path", "GET", "/admin", 404},
		{"no such asset", "GET", "/assets/../page.go", 307},
		{"an asset by its encoded path", "GET", "/assets%2findex.html", 404},
		{"no such query", "GET", "/api/users.json", 404},
		{"a piece of SQL", "GET", "/api/shared%2fwhere.json", 404},
		{"a folder of SQL", "GET", "/api/shared.json", 404},
		{"a path out of it", "GET", "/api/..%2fsql%2fstatus.json", 404},
		{"a path to itself", "GET", "/api/.%2fstatus.json", 404},
		{"a file with its suffix", "GET", "/api/status.sql.json", 404},
		{"no name", "GET", "/api/.json", 404},
		{"NUL", "GET", "/api/%00.json", 404},
		{"no such format", "GET", "/api/status.xml", 404},
		{"SQL in a metric", "GET", "/api/steps.json?metric=x'+OR+1", 400},
		{"SQL in a window", "GET", "/api/activation_line.json?window=1d'", 400},
		{"SQL in a day", "GET", "/api/steps.json?from=2026-03-01'", 400},
		{"SQL", "GET", "/api/status.json?sql=SELECT+1", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(Config{Catalog: catalog}, c.method, c.target, "localhost")
			if w.Code != c.status {
				t.Errorf("%s %s: %d %s, want %d", c.method, c.target, w.Code, w.Body, c.status)
			}
			if got := w.Header().Get("Content-Security-Policy"); got != policy("") {
				t.Errorf("policy %q", got)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("types may be guessed")
			}
		})
	}
}

// FuzzPath: no path reaches a file that is not listed, and none panics.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/api/shared%2fwhere.json", "/api/..%2f..%2fgo.mod", "/assets/%2e%2e/page.go", "/assets//js/main.js", "/api/%2e.csv", "//", "/api/"} {
		f.Add(path)
	}
	catalog := load(f)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" || !strings.HasPrefix(path, "/") || u.RawQuery != "" {
			t.Skip()
		}
		name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(u.Path, "/api/"), ".json"), ".csv")
		if known(name) || u.Path == "/api/product" {
			t.Skip() // it would ask the database
		}
		w := httptest.NewRecorder()
		r := &http.Request{Method: http.MethodGet, URL: u, Host: "localhost", Header: http.Header{}}
		Handler(Config{Catalog: catalog}).ServeHTTP(w, r)
		if w.Code == http.StatusOK && u.Path != "/" && assets[u.Path].content == nil {
			t.Errorf("%s is answered: %s", path, w.Body)
		}
	})
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
	c := Config{Catalog: load(t)}
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
