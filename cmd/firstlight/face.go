package main

import (
	"net/http"
	"net/url"
	"runtime/debug"

	"go.uber.org/zap"

	"firstlight/cmd/firstlight/gate"
	"firstlight/cmd/firstlight/page"
	"firstlight/pipeline/doors"
)

// face is what a process shows over HTTP, and who may see it. docs/operations.md has the rule of each path.
type face struct {
	rule doors.Rule
	gate *gate.Gate
	log  *zap.Logger
}

func (s *Settings) face(log *zap.Logger) *face {
	external, err := url.Parse(s.ExternalURL)
	if err != nil || external.Host == "" {
		external = nil
	}
	return &face{rule: doors.Rule{External: external}, gate: gate.New(s.HTTPToken, external), log: log}
}

// checkOpen refuses an address that the network reaches while nothing asks who is there.
func (s *Settings) checkOpen() error {
	if s.HTTPAddr == "" || s.HTTPToken != "" || s.HTTPOpen || doors.Loopback(s.HTTPAddr) {
		return nil
	}
	return usagef("FIRSTLIGHT_HTTP_ADDR is %q, which others reach, and nothing asks who they are: set FIRSTLIGHT_HTTP_TOKEN, or FIRSTLIGHT_HTTP_OPEN=true where a proxy with a login guards it", s.HTTPAddr)
}

// guard serves probes to any host, metrics to programs, and to people everything else.
func (f *face) guard(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/healthz", f.probe(next))
	mux.Handle("/readyz", f.probe(next))
	mux.Handle("/metrics", f.metrics(next))
	mux.Handle(profiles, f.profiles(next))
	mux.Handle(gate.LoginPath, f.admit(false, f.gate.Login()))
	mux.Handle("/{$}", f.admit(true, f.gate.Guard(true, next)))
	mux.Handle(page.ReviewPath, f.admit(true, f.gate.Guard(true, next)))
	mux.Handle("/", f.admit(false, f.gate.Guard(false, next)))
	mux.Handle("/assets/", f.admit(false, next)) // the same files in every copy of the binary; the form needs its style
	mux.Handle(page.RunbookPath, f.admit(true, next))
	return f.survive(mux)
}

// probe answers kubelets, load balancers and monitors.
func (f *face) probe(next http.Handler) http.Handler {
	return f.program(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(hiding{w}, r) }))
}

// program answers programs, whatever they call this host, and no page of another site.
func (f *face) program(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.rule.CrossSite(r) {
			http.Error(w, "requests of other sites' pages are refused", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hiding takes secrets out of an answer in which each write is whole.
type hiding struct{ http.ResponseWriter }

func (h hiding) Write(p []byte) (int, error) { return secrets.Writer(h.ResponseWriter).Write(p) }

// metrics answers whoever scrapes: with the token whatever they call this host, since no page of another site can send it.
func (f *face) metrics(next http.Handler) http.Handler {
	asked := f.gate.Bearer(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.gate.Open() || r.Header.Get("Authorization") == "" {
			f.admit(false, asked).ServeHTTP(w, r)
			return
		}
		f.program(asked).ServeHTTP(w, r)
	})
}

// profiles answers whoever looks at what the process does: with the token, or from this machine where there is none.
func (f *face) profiles(next http.Handler) http.Handler {
	asked := f.metrics(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.gate.Open() && !doors.Loopback(r.RemoteAddr) {
			http.Error(w, "profiles are for this machine, or for who has the token: set FIRSTLIGHT_HTTP_TOKEN", http.StatusForbidden)
			return
		}
		asked.ServeHTTP(w, r)
	})
}

// admit refuses requests that were not meant for this server, and those of other sites.
func (f *face) admit(page bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusal := f.rule.Refuse(r, page); refusal != nil {
			http.Error(w, refusal.Reason, refusal.Status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// survive answers 500 where a handler panics, and logs it once.
func (f *face) survive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doors.Protect(w.Header(), doors.NoPage)
		defer func() {
			switch why := recover(); why {
			case nil:
			case http.ErrAbortHandler:
				panic(why)
			default:
				f.log.Error("BUG: a request could not be answered", zap.String("path", r.URL.Path), zap.Any("panic", why), zap.ByteString("stack", debug.Stack()))
				http.Error(w, "this is a bug: the log says more", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
