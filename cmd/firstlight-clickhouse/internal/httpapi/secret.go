package httpapi

import (
	"crypto/subtle"
	"net/http"

	"firstlight/pipeline/doors"
)

// WithSecret lets requests with the secret as password through to next, and refuses all others.
func WithSecret(secret string, next http.Handler) http.Handler {
	if secret == "" {
		panic("BUG: no secret")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !same(password(r), secret) {
			doors.Protect(w.Header(), doors.NoPage)
			http.Error(w, "This is the port of Firstlight itself: readers have another.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// password is what a client shows, in the ways that ClickHouse knows.
func password(r *http.Request) string {
	if _, p, ok := r.BasicAuth(); ok {
		return p
	}
	if p := r.Header.Get("X-ClickHouse-Key"); p != "" {
		return p
	}
	return r.URL.Query().Get("password")
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
