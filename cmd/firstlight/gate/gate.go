// Package gate asks people and programs for the token of a face, where one is set: people by a form, after which a cookie
// stands for it, programs by a Bearer header. The token is never in an address.
package gate

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/doors"
)

const (
	// LoginPath is where the form goes.
	LoginPath = "/login"
	// sessionTime is how long a browser is known after its person gave the token.
	sessionTime = 30 * 24 * time.Hour
	maxForm     = 4 << 10
)

// Gate lets in who knows the token. Without a token everybody is let in. It is safe for concurrent use.
type Gate struct {
	token    string
	external *url.URL // where people reach the face; may be nil
	now      func() time.Time
	forms    *tries
	bearers  *tries
}

// New returns the gate of a token; empty: it is open.
func New(token string, external *url.URL) *Gate {
	return &Gate{token: token, external: external, now: time.Now, forms: newTries(), bearers: newTries()}
}

// Open reports whether there is no token.
func (g *Gate) Open() bool { return g.token == "" }

// Guard serves next to who is let in, people and programs, and asks everybody else: with a form where page is set, else in
// one line of JSON.
func (g *Gate) Guard(page bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case g.Open() || g.session(r):
			next.ServeHTTP(w, r)
		case r.Header.Get("Authorization") != "":
			if g.bearer(w, r) {
				next.ServeHTTP(w, r)
			}
		case page:
			g.form(w, http.StatusUnauthorized, r.URL.RequestURI(), "")
		default:
			deny(w, http.StatusUnauthorized, "this Firstlight asks for its token: open the page to give it, or send it as \"Authorization: Bearer …\"")
		}
	})
}

// Bearer serves next to programs that send the token, and to people who are let in.
func (g *Gate) Bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.Open() || g.session(r) || g.bearer(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// bearer judges the header Authorization, and answers who is not let in.
func (g *Gate) bearer(w http.ResponseWriter, r *http.Request) bool {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	ok = ok && strings.EqualFold(scheme, "Bearer")
	from := caller(r)
	switch {
	case ok && !g.bearers.begin(from, g.now()):
		w.Header().Set("Retry-After", retryAfter)
		deny(w, http.StatusTooManyRequests, "too many wrong tokens from this address: wait a minute")
		return false
	case ok && g.matches(given):
		g.bearers.succeeded(from)
		return true
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="firstlight"`)
	deny(w, http.StatusUnauthorized, "send FIRSTLIGHT_HTTP_TOKEN as \"Authorization: Bearer …\"")
	return false
}

// matches compares without telling by the time it takes how much of a guess was right.
func (g *Gate) matches(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// cookieName tells apart what several Firstlights on one host set: a browser sends cookies to all ports.
func (g *Gate) cookieName() string { return "firstlight_" + g.sign("name")[:8] }

func (g *Gate) sign(text string) string {
	mac := hmac.New(sha256.New, []byte(g.token))
	mac.Write([]byte("firstlight session " + text))
	return hex.EncodeToString(mac.Sum(nil))
}

// session reports whether a request carries a cookie that this token signed and that has not ended. Any worker with the token
// knows it, after a restart too; another token ends all sessions.
func (g *Gate) session(r *http.Request) bool {
	for _, c := range r.CookiesNamed(g.cookieName()) {
		ends, mac, _ := strings.Cut(c.Value, ".")
		at, err := strconv.ParseInt(ends, 10, 64)
		if err == nil && hmac.Equal([]byte(mac), []byte(g.sign(ends))) && g.now().Unix() < at {
			return true
		}
	}
	return false
}

// Login is the handler of LoginPath: the form goes there, and leads back to where it was shown.
func (g *Gate) Login() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.Open() {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			g.form(w, http.StatusOK, "/", "")
		case http.MethodPost:
			g.enter(w, r)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			deny(w, http.StatusMethodNotAllowed, "the form is sent with POST")
		}
	})
}

func (g *Gate) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		deny(w, http.StatusBadRequest, "this is not the form")
		return
	}
	from, now, to := caller(r), g.now(), local(r.PostForm.Get("to"))
	if !g.forms.begin(from, now) {
		w.Header().Set("Retry-After", retryAfter)
		g.form(w, http.StatusTooManyRequests, to, "Too many tries. Wait a minute.")
		return
	}
	if !g.matches(strings.TrimSpace(r.PostForm.Get("token"))) {
		g.form(w, http.StatusUnauthorized, to, "That is not the token.")
		return
	}
	g.forms.succeeded(from)
	ends := strconv.FormatInt(now.Add(sessionTime).Unix(), 10)
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(), Value: ends + "." + g.sign(ends), Path: "/", MaxAge: int(sessionTime.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: g.secure(r),
	})
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// secure reports whether the browser reached the face over TLS: by itself, or as the external address.
func (g *Gate) secure(r *http.Request) bool {
	return r.TLS != nil || g.external != nil && g.external.Scheme == "https" && strings.EqualFold(r.Host, g.external.Host)
}

// local is a path and query of this face, / for everything else.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	return (&url.URL{Path: "/" + strings.TrimLeft(u.Path, "/"), RawQuery: u.RawQuery}).String()
}

//go:embed login.html
var loginText string

var loginPage = template.Must(template.New("login").Parse(loginText))

// policy lets the form use the page's style, and go to its own server.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (g *Gate) form(w http.ResponseWriter, status int, to, wrong string) {
	var text bytes.Buffer
	if err := loginPage.Execute(&text, struct{ Path, To, Wrong string }{LoginPath, local(to), wrong}); err != nil {
		panic("BUG: the form that asks for the token: " + err.Error())
	}
	doors.Protect(w.Header(), policy)
	w.Header().Set("Referrer-Policy", "same-origin") // no-referrer would take the Origin off the form too
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the browser may be gone
}

// deny answers programs.
func deny(w http.ResponseWriter, status int, why string) {
	doors.Protect(w.Header(), doors.NoPage)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{\"error\":%q}\n", why)
}
