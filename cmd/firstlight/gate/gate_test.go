package gate

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const secret = "correct horse"

// door is a gate with its login, and time in the test's hand.
func door(t *testing.T, external string) (*Gate, http.Handler, *atomic.Int64) {
	t.Helper()
	var u *url.URL
	if external != "" {
		u, _ = url.Parse(external)
	}
	g := New(secret, u)
	seconds := &atomic.Int64{}
	g.now = func() time.Time { return time.Unix(1_800_000_000+seconds.Load(), 0) }
	inside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("inside")) })
	mux := http.NewServeMux()
	mux.Handle(LoginPath, g.Login())
	mux.Handle("/", g.Guard(true, inside))
	mux.Handle("/api/", g.Guard(false, inside))
	mux.Handle("/metrics", g.Bearer(inside))
	return g, mux, seconds
}

func ask(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func login(h http.Handler, token, to string, header ...string) *httptest.ResponseRecorder {
	return ask(h, "POST", LoginPath, url.Values{"token": {token}, "to": {to}}.Encode(), header...)
}

func TestWhoIsLetIn(t *testing.T) {
	_, h, _ := door(t, "")
	w := login(h, secret, "/?metric=activated")
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	if w.Code != 303 || w.Header().Get("Location") != "/?metric=activated" {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, c := range []struct {
		name, target string
		header       []string
		status       int
	}{
		{"nobody at a page", "/?metric=activated", nil, 401},
		{"nobody at the API", "/api/status.json", nil, 401},
		{"nobody at the metrics", "/metrics", nil, 401},
		{"a browser that gave it", "/", []string{"Cookie", cookie}, 200},
		{"the same at the API", "/api/status.json", []string{"Cookie", cookie}, 200},
		{"the same at the metrics", "/metrics", []string{"Cookie", cookie}, 200},
		{"among other cookies", "/", []string{"Cookie", "a=b; " + cookie + "; c=d"}, 200},
		{"a program", "/metrics", []string{"Authorization", "Bearer " + secret}, 200},
		{"a program at the API", "/api/status.json", []string{"Authorization", "Bearer " + secret}, 200},
		{"a wrong token", "/metrics", []string{"Authorization", "Bearer x" + secret}, 401},
		{"no token", "/metrics", []string{"Authorization", "Bearer "}, 401},
		{"as a password", "/metrics", []string{"Authorization", "Basic Zmlyc3RsaWdodDpjb3JyZWN0IGhvcnNl"}, 401},
		{"in the address", "/?token=correct+horse", nil, 401},
		{"in the address of the API", "/api/status.json?token=correct+horse&access_token=correct+horse", nil, 401},
		{"the token as the cookie", "/", []string{"Cookie", strings.SplitN(cookie, "=", 2)[0] + "=" + secret}, 401},
		{"a cookie that lives longer than it was made for", "/", []string{"Cookie", strings.Replace(cookie, "=1", "=2", 1)}, 401},
		{"half a cookie", "/", []string{"Cookie", cookie[:len(cookie)-1]}, 401},
	} {
		if w := ask(h, "GET", c.target, "", c.header...); w.Code != c.status || (w.Body.String() == "inside") != (c.status == 200) {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.status)
		} else if c.status != 200 && (w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%s: headers %v", c.name, w.Header())
		}
	}
}

func TestSessionEnds(t *testing.T) {
	g, h, seconds := door(t, "")
	cookie, _, _ := strings.Cut(login(h, secret, "/").Header().Get("Set-Cookie"), ";")
	seconds.Store(int64(sessionTime.Seconds()) - 1)
	if w := ask(h, "GET", "/", "", "Cookie", cookie); w.Code != 200 {
		t.Errorf("before its end: %d", w.Code)
	}
	seconds.Add(1)
	if w := ask(h, "GET", "/", "", "Cookie", cookie); w.Code != 401 {
		t.Errorf("after its end: %d", w.Code)
	}
	seconds.Store(0)
	g.token = "another"
	if w := ask(h, "GET", "/", "", "Cookie", cookie); w.Code != 401 {
		t.Errorf("with another token: %d", w.Code)
	}
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		external, host string
		secure         bool
	}{
		{"", "localhost", false}, {"https://m.example", "m.example", true}, {"https://m.example", "localhost", false}, {"http://m.example", "m.example", false},
	} {
		_, h, _ := door(t, c.external)
		r := httptest.NewRequest("POST", LoginPath, strings.NewReader("token=correct+horse"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Host = c.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		cookies := w.Result().Cookies()
		if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Path != "/" || cookies[0].Secure != c.secure {
			t.Errorf("%+v: %v", c, cookies)
		}
		if strings.Contains(w.Header().Get("Set-Cookie"), "horse") {
			t.Error("the cookie holds the token")
		}
	}
}

// TestLeadsBack to this face only, with the link's values.
func TestLeadsBack(t *testing.T) {
	_, h, _ := door(t, "")
	for to, want := range map[string]string{
		"/?metric=a&from=2026-01-01": "/?metric=a&from=2026-01-01", "/a%20b": "/a%20b", "": "/", "https://evil.example/": "/", "//evil.example": "/",
		"/\\evil.example": "/", "\\\\evil.example": "/", "/%2Fevil.example": "/evil.example", "javascript:alert(1)": "/", "/\n//evil": "/", " //evil": "/",
		"///evil.example": "/", "evil": "/", "http:evil": "/", "/x#y": "/x",
	} {
		if got := login(h, secret, to).Header().Get("Location"); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
	if text := ask(h, "GET", `/?a="><script>alert(1)</script>`, "").Body.String(); strings.Contains(text, "<script>") {
		t.Errorf("the form runs what an address holds: %s", text)
	}
}

// TestTriesAreFew: however many come at once, no more than a few wrong tokens are judged; then the right one waits too.
func TestTriesAreFew(t *testing.T) {
	_, h, seconds := door(t, "")
	for what, try := range map[string]func(token string) int{
		"form":   func(token string) int { return login(h, token, "/").Code },
		"bearer": func(token string) int { return ask(h, "GET", "/metrics", "", "Authorization", "Bearer "+token).Code },
	} {
		var judged atomic.Int64
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if try("wrong") == 401 {
					judged.Add(1)
				}
			})
		}
		all.Wait()
		if n := judged.Load(); n != triesAtOnce {
			t.Errorf("%s: %d of 200 wrong tokens were judged", what, n)
		}
		if code := try(secret); code != 429 {
			t.Errorf("%s: the right token is told from a wrong one while it has to wait: %d", what, code)
		}
		seconds.Add(60)
		if code := try(secret); code >= 400 {
			t.Errorf("%s: a minute later: %d", what, code)
		}
	}
}

func TestManyAddresses(t *testing.T) {
	tries, now := newTries(), time.Unix(0, 0)
	for i := range 3 * maxAddresses {
		tries.begin(string(rune(i)), now)
	}
	if len(tries.by) > maxAddresses {
		t.Errorf("%d addresses are remembered", len(tries.by))
	}
}

func TestOpenGate(t *testing.T) {
	g := New("", nil)
	inside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	for _, h := range []http.Handler{g.Guard(true, inside), g.Guard(false, inside), g.Bearer(inside)} {
		if w := ask(h, "GET", "/", ""); w.Code != 204 {
			t.Errorf("without a token: %d", w.Code)
		}
	}
}
