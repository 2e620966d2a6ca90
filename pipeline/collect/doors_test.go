package collect

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"firstlight/pipeline/trouble"
)

const (
	acme = "https://app.acme.example"
	evil = "https://evil.example"
)

// TestWhoMaySend: by key, by page, and which page may read the answer.
func TestWhoMaySend(t *testing.T) {
	b := newBench(t, testKeys, nil)
	event := func(key string) string {
		return fmt.Sprintf(`{"event":"e","userId":"u","writeKey":%q}`, key)
	}
	for _, c := range []struct {
		name, path, body string
		headers          []string
		code             int
		readable         string // the origin whose pages may read the answer
	}{
		{"a key as Bearer", "/v1/track", `{"event":"e","userId":"u"}`, []string{"Authorization", "bearer " + serverKey}, 200, ""},
		{"as the user of Basic", "/v1/track", `{"event":"e","userId":"u"}`, []string{"Authorization", basic(serverKey)}, 200, ""},
		{"in the body", "/v1/track", event(serverKey), nil, 200, ""},
		{"in the address", "/beacon/v1/batch?writeKey=" + serverKey, `{"batch":[]}`, nil, 200, ""},
		{"beside the batch", "/batch/", `{"api_key":"` + serverKey + `","batch":[{"event":"e","distinct_id":"u"}]}`, nil, 200, ""},
		{"in the properties", "/e/", `[{"event":"e","properties":{"distinct_id":"u","token":"` + serverKey + `"}}]`, nil, 200, ""},
		{"none", "/v1/track", `{"event":"e","userId":"u"}`, nil, 401, ""},
		{"an unknown one", "/v1/track", event("wk_other"), nil, 401, ""},
		{"a piece of one", "/v1/track", event(serverKey[:8]), nil, 401, ""},
		{"the head's goes before the body's", "/v1/track", event(serverKey), []string{"Authorization", "Bearer wk_other"}, 401, ""},
		{"a page with a key for any", "/v1/track", event(serverKey), []string{"Origin", evil}, 200, evil},
		{"a page with its key", "/v1/track", event(webKey), []string{"Origin", acme}, 200, acme},
		{"its host in capitals, its port written", "/v1/track", event(webKey), []string{"Origin", "https://APP.acme.example:443"}, 200, "https://APP.acme.example:443"},
		{"another page with it", "/v1/track", event(webKey), []string{"Origin", evil}, 403, ""},
		{"the same host without TLS", "/v1/track", event(webKey), []string{"Origin", "http://app.acme.example"}, 403, ""},
		{"a sandbox", "/v1/track", event(webKey), []string{"Origin", "null"}, 403, ""},
		{"a program with a page's key", "/v1/track", event(webKey), nil, 403, ""},
		{"a page may read what is wrong", "/v1/track", event("wk_other"), []string{"Origin", acme}, 401, acme},
		{"a body that is no JSON", "/v1/track", "{", []string{"Origin", acme}, 400, acme},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := b.send(http.MethodPost, c.path, c.body, c.headers...)
			if got.code != c.code || got.header.Get(allowOrigin) != c.readable || (got.header.Get(allowCredentials) == "true") != (c.readable != "") {
				t.Errorf("answers %d %s readable for %q", got.code, got.text, got.header.Get(allowOrigin))
			}
			if strings.Contains(got.text, serverKey) || strings.Contains(got.text, webKey) || !slices.Contains(got.header["Vary"], "Origin") {
				t.Errorf("answers %s, Vary %q", got.text, got.header["Vary"])
			}
		})
	}
}

func basic(user string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(user, "")
	return r.Header.Get("Authorization")
}

// TestPreflight: a browser learns whether its page may send before the page sends.
func TestPreflight(t *testing.T) {
	bound := newBench(t, webKey+" web "+acme+"\n", nil)
	for _, c := range []struct {
		origin string
		code   int
	}{{acme, 204}, {evil, 403}, {"null", 403}, {"", 403}} {
		got := bound.send(http.MethodOptions, "/v1/batch", "", "Origin", c.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,x-retry-count")
		readable, asked := "", ""
		if c.code == 204 {
			readable, asked = c.origin, "authorization,content-type,x-retry-count"
		}
		if got.code != c.code || got.header.Get(allowOrigin) != readable || got.header.Get("Access-Control-Allow-Headers") != asked {
			t.Errorf("%q: %d, readable for %q, headers %q", c.origin, got.code, got.header.Get(allowOrigin), got.header.Get("Access-Control-Allow-Headers"))
		}
	}
}

// TestWithoutKeys only this machine may send, and is the source web.
func TestWithoutKeys(t *testing.T) {
	b := newBench(t, "", nil)
	const event = `{"event":"e","userId":"u"}`
	for _, c := range []struct {
		name    string
		headers []string
		code    int
	}{
		{"a program", nil, 200},
		{"any key", []string{"Authorization", "Bearer x"}, 200},
		{"a page of this machine", []string{"Origin", "http://localhost:3000"}, 200},
		{"another page", []string{"Origin", acme}, 403},
		{"a sandbox", []string{"Origin", "null"}, 403},
		{"a proxy", []string{"X-Forwarded-For", "127.0.0.1"}, 403},
		{"another proxy", []string{"Forwarded", "for=127.0.0.1"}, 403},
		{"a name that somebody points here", []string{"Host", "evil.example"}, 403},
	} {
		if got := b.send(http.MethodPost, "/v1/track", event, c.headers...); got.code != c.code {
			t.Errorf("%s: %d %s", c.name, got.code, got.text)
		}
	}
	for _, m := range b.stored() {
		if !strings.HasPrefix(m.subject, "events.web.") {
			t.Errorf("stored as %s", m.subject)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/v1/track", strings.NewReader(event))
	w := httptest.NewRecorder()
	if b.collector.ServeHTTP(w, r); w.Code != http.StatusForbidden { // httptest's client has the address 192.0.2.1
		t.Errorf("another machine: %d", w.Code)
	}
}

// TestAddressOfTheClient comes from trusted proxies only.
func TestAddressOfTheClient(t *testing.T) {
	proxies, err := ParseProxies("10.0.0.0/8, 192.0.2.7,::1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		peer string
		via  []string
		want string
	}{
		{"203.0.113.9:1", nil, "203.0.113.9"},
		{"203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"},
		{"10.1.2.3:1", nil, "10.1.2.3"},
		{"10.1.2.3:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:1", []string{"127.0.0.1, 198.51.100.1", "192.0.2.7"}, "198.51.100.1"},
		{"[::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"[::ffff:10.1.2.3]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:1", []string{"unknown"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.via}}
		if got := client(r, proxies).String(); got != c.want {
			t.Errorf("%s via %q is %s, want %s", c.peer, c.via, got, c.want)
		}
	}
	for _, list := range []string{"10.0.0.0/99", "proxy"} {
		if _, err := ParseProxies(list); err == nil {
			t.Errorf("%s is taken", list)
		}
	}
}

// TestAddressesAreStored only where that is set.
func TestAddressesAreStored(t *testing.T) {
	proxies, _ := ParseProxies("127.0.0.1")
	b := newBench(t, testKeys, func(c *Config) { c.StoreIP, c.Proxies = true, proxies })
	for _, c := range []struct{ path, body, want string }{
		{"/v1/track", `{"event":"e","userId":"u"}`, `{"event":"e","userId":"u","context":{"ip":"198.51.100.1"}}`},
		{"/v1/track", `{"event":"e","userId":"u","context":{}}`, `{"event":"e","userId":"u","context":{"ip":"198.51.100.1"}}`},
		{"/v1/track", `{"event":"e","userId":"u","context":{"ip":"192.0.2.9"}}`, `{"event":"e","userId":"u","context":{"ip":"192.0.2.9"}}`},
		{"/e/", `{"event":"e","distinct_id":"u"}`, `{"type":"track","event":"e","userId":"u","context":{"ip":"198.51.100.1"}}`},
	} {
		if got := b.post(c.path, c.body, "X-Forwarded-For", "198.51.100.1"); got.code != 200 {
			t.Fatal(got.text)
		}
		if all := b.stored(); len(all) != 1 || all[0].data != c.want {
			t.Errorf("%s is stored as %v", c.body, all)
		}
	}
}

// TestPrivacyIsHonoured where that is set: nothing is stored of a browser that asks for it.
func TestPrivacyIsHonoured(t *testing.T) {
	b := newBench(t, testKeys, func(c *Config) { c.HonourGPC = true })
	if got := b.post("/v1/batch", `{"batch":[{"event":"e","userId":"u"},{"event":"e","userId":"u"}]}`, "Sec-GPC", "1"); got.code != 200 || got.Withheld != 2 || got.Stored != 0 {
		t.Error(got.text)
	}
	if all := b.stored(); len(all) != 0 {
		t.Errorf("stored: %v", all)
	}
	if got := b.post("/v1/track", `{"event":"e","userId":"u"}`, "Sec-GPC", "0"); got.Stored != 1 {
		t.Error(got.text)
	}
}

// TestMistakes: whoever sends something wrong is told what, and nothing else is lost.
func TestMistakes(t *testing.T) {
	b := newBench(t, testKeys, nil)
	long := strings.Repeat("x", 33<<10)
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		code                     int
		says                     string
	}{
		{"a wrong path", "POST", "/v1/tracks", `{}`, nil, 404, "/v1/batch"},
		{"no path", "GET", "/", ``, nil, 404, "/events"},
		{"a wrong method", "GET", "/v1/track", ``, nil, 405, "this path takes POST"},
		{"no body", "POST", "/v1/track", ``, nil, 400, "the body is empty"},
		{"white space", "POST", "/events", " \n", nil, 400, "the body is empty"},
		{"no JSON", "POST", "/v1/track", `{"event":signed_up}`, nil, 400, "the body is not JSON: invalid character 's' looking for beginning of value, at byte 10"},
		{"a form", "POST", "/v1/track", `event=signed_up`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, "the body is not JSON"},
		{"a text", "POST", "/v1/track", `"signed_up"`, nil, 400, "neither an object nor a list"},
		{"half a body", "POST", "/v1/batch", `{"batch":[{"event":"e","userId":"u"}`, nil, 400, "unexpected end"},
		{"no gzip", "POST", "/v1/track", `{}`, []string{"Content-Encoding", "gzip"}, 400, "says gzip"},
		{"half a gzip", "POST", "/v1/track", zipped(`{"event":"e"}`)[:15], nil, 400, "no valid gzip"},
		{"another encoding", "POST", "/v1/track", `{}`, []string{"Content-Encoding", "br"}, 415, "send gzip"},
		{"an old compression", "POST", "/e/?compression=lz64", `{}`, nil, 415, "gzip-js"},
		{"no base64", "POST", "/e/?compression=base64", `data=%%%`, nil, 400, "form"},
		{"deep nesting", "POST", "/v1/track", strings.Repeat("[", 100_000), nil, 400, "nested beyond"},
		{"an event too deep", "POST", "/v1/track", `{"event":"e","userId":"u","properties":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65), nil, 400, "nested beyond 64 levels"},
		{"no name", "POST", "/v1/track", `{"userId":"u"}`, nil, 400, "the event has no name"},
		{"no user", "POST", "/v1/track", `{"event":"e"}`, nil, 400, "the event has no user: userId and anonymousId are missing or empty"},
		{"nobody", "POST", "/v1/track", `{"event":"e","userId":"undefined"}`, nil, 400, "which no user has"},
		{"seconds", "POST", "/v1/track", `{"event":"e","userId":"u","timestamp":1795942800}`, nil, 400, `of seconds since 1970 it seems: send it as RFC 3339 text, \"2026-11-29T09:00:00.000Z\"`},
		{"milliseconds", "POST", "/v1/track", `{"event":"e","userId":"u","timestamp":1795942800123}`, nil, 400, `of milliseconds since 1970 it seems: send it as RFC 3339 text, \"2026-11-29T09:00:00.123Z\"`},
		{"a time without offset", "POST", "/v1/track", `{"event":"e","userId":"u","timestamp":"2026-11-29 09:00:00"}`, nil, 400, "such as 2026-03-01T09:30:00Z"},
		{"properties in a list", "POST", "/v1/track", `{"event":"e","userId":"u","properties":[]}`, nil, 400, "properties is not a JSON object"},
		{"a CloudEvent without version", "POST", "/events", `{"type":"e","subject":"u"}`, []string{"Content-Type", "application/cloudevents+json"}, 400, "specversion"},
		{"a long event", "POST", "/v1/track", `{"event":"e","userId":"u","properties":{"a":"` + long + `"}}`, nil, 413, "the limit is 32768"},
		{"a long body", "POST", "/v1/batch", strings.Repeat(" ", 500_001), nil, 413, "more than 500000 bytes"},
		{"a bomb", "POST", "/v1/batch", zipped(strings.Repeat(" ", 3_000_000)), nil, 413, "more than 2000000 bytes once decompressed"},
		{"too many events", "POST", "/events", "[" + strings.Repeat("0,", 5000) + "0]", nil, 413, "more than 5000 events"},
		{"too many lines", "POST", "/events", strings.Repeat("{}\n", 5001), nil, 413, "more than 5000 events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := b.send(c.method, c.path, c.body, append([]string{"Authorization", "Bearer " + serverKey}, c.headers...)...)
			if got.code != c.code || !strings.Contains(got.text, c.says) || got.Success {
				t.Errorf("answers %d %s", got.code, got.text)
			}
		})
	}
	if all := b.stored(); len(all) != 0 {
		t.Errorf("stored: %v", all)
	}
}

// TestOneBadEvent of a batch is refused by itself, and named.
func TestOneBadEvent(t *testing.T) {
	b := newBench(t, testKeys, nil)
	for _, c := range []struct{ path, body string }{
		{"/v1/batch", `{"batch":[{"event":"a","userId":"u"},{"event":"b","messageId":"m"},{"event":"c","userId":"u"}]}`},
		{"/events", "{\"event\":\"a\",\"userId\":\"u\"}\n{\"event\":\"b\",\"messageId\":\"m\"}\n{\"event\":\"c\",\"userId\":\"u\"}"},
		{"/batch/", `{"batch":[{"event":"a","distinct_id":"u"},{"event":"b","uuid":"m"},{"event":"c","distinct_id":"u"}]}`},
	} {
		got := b.post(c.path, c.body)
		if got.code != 200 || got.Stored != 2 || got.Refusals != 1 || len(got.Refused) != 1 || got.Refused[0] != (Refusal{1, "m", "missing_user", "the event has no user: userId and anonymousId are missing or empty"}) {
			t.Errorf("%s answers %d %s", c.path, got.code, got.text)
		}
	}
	got := b.post("/events", "{\"event\":\"a\",\"userId\":\"u\"}\nnonsense\n[]\n{\"event\":")
	if got.code != 200 || got.Stored != 1 || got.Refusals != 3 {
		t.Errorf("lines that are no events: %d %s", got.code, got.text)
	}
	for name, body := range map[string]string{"text": "bad\n", "a number": "5\n", "an event cut short": `{"event":"a",` + "\n"} {
		const good = `{"event":"a","userId":"u"}` + "\n"
		if got := b.post("/events", body+good+good, "Content-Type", "application/x-ndjson"); got.code != 200 || got.Stored != 2 || got.Refusals != 1 || got.Refused[0].Index != 0 {
			t.Errorf("%s on the first line: %d %s", name, got.code, got.text)
		}
	}
	deep := `{"event":"a","userId":"u","properties":` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 201)
	for path, body := range map[string]string{"/v1/batch": `{"batch":[%s,%s]}`, "/events": "[%s,%s]"} {
		if got := b.post(path, fmt.Sprintf(body, deep, `{"event":"a","userId":"u"}`)); got.code != 200 || got.Stored != 1 || got.Refusals != 1 || got.Refused[0].Index != 0 {
			t.Errorf("an event too deep among others, to %s: %d %s", path, got.code, got.text)
		}
	}
	got = b.post("/i/v1/analytics/events", `{"batch":[{"event":"a","distinct_id":"u","uuid":"good"},{"event":"b","uuid":"bad"}]}`)
	if got.code != 200 || got.Stored != 1 || len(got.Results) != 1 || got.Results["bad"]["result"] != "drop" {
		t.Errorf("PostHog's newer form: %d %s", got.code, got.text)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"event":"a"},`, 300), ",")
	if got = b.post("/v1/batch", `{"batch":[`+many+`]}`); got.code != 400 || got.Refusals != 300 || len(got.Refused) != 100 {
		t.Errorf("many: %d, %d named of %d", got.code, len(got.Refused), got.Refusals)
	}
}

// TestKeysAreReadAgain when their file changes; a file that makes no sense changes nothing.
func TestKeysAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	put := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(testKeys)
	var ring *Keyring
	b := newBench(t, testKeys, func(c *Config) { ring = c.Keys })
	core, said := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	put("wk_meanwhile_01 backend\n") // after the keys were read, and before somebody looks
	ctx, stop := context.WithCancel(b.ctx)
	done := make(chan struct{})
	go func() { defer close(done); ring.Follow(ctx, path, log, trouble.NewBoard(log)) }()
	defer func() { stop(); <-done }()
	try := func(key string, code int) {
		b.eventually(fmt.Sprintf("%s is answered %d", key, code), func() bool {
			return b.send(http.MethodPost, "/v1/batch", `{"batch":[]}`, "Authorization", "Bearer "+key).code == code
		})
	}
	try("wk_meanwhile_01", 200)
	try(serverKey, 401)
	put("wk_new_0001 backend\n")
	try("wk_new_0001", 200)
	try("wk_meanwhile_01", 401)
	put("wk_secret_0002\n")
	b.eventually("the log says why", func() bool { return said.FilterMessageSnippet("fails, trying again").Len() > 0 })
	try("wk_new_0001", 200)
	put("") // as it is while somebody writes it
	b.eventually("the log says that no key is in it", func() bool {
		return said.FilterMessageSnippet("fails").Len() > 1 || strings.Contains(fmt.Sprint(said.All()), "no key in it")
	})
	try("wk_nobodys_01", 401)
	try("wk_new_0001", 200)
	put("wk_new_0003 backend\n")
	try("wk_new_0003", 200)
	for _, line := range said.All() {
		if text := fmt.Sprint(line.Message, line.ContextMap()); strings.Contains(text, "wk_") {
			t.Errorf("the log says %s", text)
		}
	}
}

// TestParseKeys: what is wrong with a line is said without the key.
func TestParseKeys(t *testing.T) {
	for text, says := range map[string]string{
		"wk_1":                            "line 1 is one word",
		"\n# ours\nwk_1 we.b":             "line 3: the source",
		"wk_1 web app.acme.example":       "line 1: word 3 is no origin",
		"wk_1 web https://a.example/path": "line 1: word 3 is no origin",
		"wk_1 web https://*.example":      "line 1: word 3 is no origin",
		"web a.wk_1":                      "line 1: the source",
		"wk web https://a.example wk_1":   "line 1: word 4 is no origin",
		"wk_1 web\nwk_1 ios":              "line 2 has the key of an earlier line",
	} {
		if _, _, err := ParseKeys(text); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "wk_1") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestRate: a key may send so many events a second.
func TestRate(t *testing.T) {
	b := newBench(t, "", func(c *Config) {
		c.Keys, _ = NewKeyring(testKeys, 0.001, func(string) {})
	})
	batch := `{"batch":[` + strings.TrimSuffix(strings.Repeat(`{"event":"a","userId":"u"},`, maxEvents), ",") + `]}`
	if got := b.post("/v1/batch", batch); got.code != 200 {
		t.Fatalf("the first: %d %s", got.code, got.text)
	}
	got := b.post("/v1/track", `{"event":"a","userId":"u"}`)
	if got.code != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("the next: %d %s", got.code, got.text)
	}
	if got := b.send(http.MethodPost, "/v1/track", `{"event":"a","userId":"u"}`, "Authorization", "Bearer "+webKey, "Origin", acme); got.code != 200 {
		t.Errorf("another key: %d %s", got.code, got.text)
	}
}

// TestHello: SDKs in browsers learn where to send, and that everything else is off.
func TestHello(t *testing.T) {
	b := newBench(t, testKeys, nil)
	for _, c := range []struct {
		method, path, body string
		code               int
		says               []string
	}{
		{"GET", "/v1/projects/" + webKey + "/settings", "", 200, []string{`"apiHost":"` + strings.TrimPrefix(b.http.URL, "http://") + `/v1"`, `"protocol":"http"`, `"apiKey":"` + webKey + `"`}},
		{"GET", "/v1/projects/other/settings", "", 401, nil},
		{"GET", "/sourceConfig/?p=npm&v=3&writeKey=" + webKey, "", 200, []string{`"destinations":[]`, `"id":"web"`}},
		{"GET", "/sourceConfig/", "", 401, nil},
		{"GET", "/array/" + webKey + "/config?ip=0", "", 200, []string{`"sessionRecording":false`, `"hasFeatureFlags":false`}},
		{"GET", "/array/" + webKey + "/config.js", "", 200, []string{"window._POSTHOG_REMOTE_CONFIG = {\"" + webKey}},
		{"POST", "/flags/?v=2", `{"token":"` + webKey + `","distinct_id":"x"}`, 200, []string{`"featureFlags":{}`}},
		{"POST", "/decide/?v=3&compression=base64", "data=" + "eyJ0b2tlbiI6Im90aGVyIn0%3D", 401, nil},
	} {
		got := b.send(c.method, c.path, c.body)
		if got.code != c.code {
			t.Errorf("%s: %d %s", c.path, got.code, got.text)
		}
		for _, word := range c.says {
			if !strings.Contains(got.text, word) {
				t.Errorf("%s answers %s, without %s", c.path, got.text, word)
			}
		}
	}
}
