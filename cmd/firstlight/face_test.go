package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	logs "go.uber.org/zap/zaptest/observer"
)

// TestPaths is the rule of each path, as docs/operations.md has it.
func TestPaths(t *testing.T) {
	const none, here, program, link, image, post = "", "here", "program", "link", "image", "post"
	inside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("inside")) })
	for _, c := range []struct {
		name, path, host, as string
		status, asked        int // without and with a token set
	}{
		{"kubelet", "/healthz", "10.1.2.3:8080", none, 200, 200},
		{"kubelet, ready", "/readyz", "10.1.2.3:8080", none, 200, 200},
		{"a load balancer with a name of its own", "/readyz", "firstlight.prod.svc:8080", none, 200, 200},
		{"a page that looks for Firstlights", "/healthz", "localhost", image, 403, 403},
		{"Prometheus in Kubernetes", "/metrics", "10.1.2.3:8080", none, 200, 401},
		{"Prometheus by a name", "/metrics", "firstlight:8080", none, 421, 421},
		{"Prometheus with the token", "/metrics", "10.1.2.3:8080", program, 200, 200},
		{"Prometheus with the token by a name", "/metrics", "firstlight:8080", program, 421, 200},
		{"a page that reads metrics", "/metrics", "localhost", image, 403, 403},
		{"profiles from elsewhere", "/debug/pprof/heap", "10.1.2.3:8080", none, 403, 401},
		{"profiles with the token", "/debug/pprof/heap", "10.1.2.3:8080", program, 403, 200},
		{"profiles on this machine", "/debug/pprof/heap", "127.0.0.1:8080", here, 200, 401},
		{"profiles elsewhere by an image", "/debug/pprof/heap", "localhost", image, 403, 403},
		{"a person", "/", "localhost:8080", none, 200, 401},
		{"a person at the external address", "/", "m.acme.example", none, 200, 401},
		{"a link in Slack", "/?metric=activated", "m.acme.example", link, 200, 401},
		{"a link in an alert", "/runbook", "m.acme.example", link, 200, 200},
		{"a name pointed here, the runbook", "/runbook", "evil.example", none, 421, 421},
		{"a link to the API", "/api/stalled.json", "m.acme.example", link, 403, 403},
		{"a program at the API", "/api/stalled.json", "127.0.0.1:8080", program, 200, 200},
		{"a program without the token", "/api/stalled.json", "127.0.0.1:8080", none, 200, 401},
		{"a name pointed here", "/", "evil.example", none, 421, 421},
		{"a name pointed here, the API", "/api/stalled.json", "evil.example", none, 421, 421},
		{"a name pointed here, with the token", "/api/stalled.json", "evil.example", program, 421, 421},
		{"a name pointed here, the login", "/login", "evil.example", none, 421, 421},
		{"an image elsewhere", "/api/stalled.json", "localhost", image, 403, 403},
		{"a form elsewhere", "/login", "localhost", post, 403, 403},
		{"the form's style", "/assets/css/base.css", "localhost", none, 200, 200},
		{"the form's style elsewhere", "/assets/css/base.css", "localhost", image, 403, 403},
	} {
		for token, want := range map[string]int{"": c.status, "t0ken": c.asked} {
			s := &Settings{HTTPToken: token, ExternalURL: "https://m.acme.example/"}
			r := httptest.NewRequest(http.MethodGet, c.path, nil)
			r.Host = c.host
			switch c.as {
			case here:
				r.RemoteAddr = "127.0.0.1:40000"
			case program:
				r.Header.Set("Authorization", "Bearer t0ken")
			case link:
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Sec-Fetch-Mode", "navigate")
				r.Header.Set("Sec-Fetch-Dest", "document")
			case image:
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Sec-Fetch-Mode", "no-cors")
				r.Header.Set("Sec-Fetch-Dest", "image")
			case post:
				r.Method = http.MethodPost
				r.Header.Set("Origin", "https://evil.example")
			}
			w := httptest.NewRecorder()
			s.face(zap.NewNop()).guard(inside).ServeHTTP(w, r)
			if w.Code != want || (w.Body.String() == "inside") != (want == 200) {
				t.Errorf("%s, token %q: %d %s, want %d", c.name, token, w.Code, w.Body, want)
			}
			for _, name := range []string{"X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Content-Security-Policy", "X-Frame-Options"} {
				if w.Header().Get(name) == "" {
					t.Errorf("%s, token %q: without %s", c.name, token, name)
				}
			}
		}
	}
}

// TestPanicIsAnswered with 500, and logged once.
func TestPanicIsAnswered(t *testing.T) {
	core, logged := logs.New(zap.DebugLevel)
	h := (&Settings{}).face(zap.New(core)).guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/x.json", nil)
	r.Host = "localhost"
	h.ServeHTTP(w, r)
	if w.Code != 500 || strings.Contains(w.Body.String(), "oh") || logged.Len() != 1 {
		t.Errorf("%d %s, %d lines", w.Code, w.Body, logged.Len())
	}
}

// TestOpenAddress: what others can reach asks for a token, or somebody said that it need not.
func TestOpenAddress(t *testing.T) {
	for _, c := range []struct {
		s       Settings
		refused bool
	}{
		{Settings{HTTPAddr: "127.0.0.1:8080"}, false},
		{Settings{HTTPAddr: "[::1]:8080"}, false},
		{Settings{HTTPAddr: "localhost:0"}, false},
		{Settings{HTTPAddr: ""}, false},
		{Settings{HTTPAddr: ":8080"}, true},
		{Settings{HTTPAddr: "0.0.0.0:8080"}, true},
		{Settings{HTTPAddr: "[::]:8080"}, true},
		{Settings{HTTPAddr: "192.168.0.7:8080"}, true},
		{Settings{HTTPAddr: "example.org:8080"}, true},
		{Settings{HTTPAddr: "0.0.0.0:8080", HTTPToken: "x"}, false},
		{Settings{HTTPAddr: "0.0.0.0:8080", HTTPOpen: true}, false},
	} {
		if err := c.s.checkOpen(); (err != nil) != c.refused {
			t.Errorf("%+v: %v", c.s, err)
		}
	}
}
