package page

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy lets the page load its own files and ask its own server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses what the page never asks for, and forbids the browser what the page never does.
func guard(known []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "the page is read-only", http.StatusMethodNotAllowed)
		case known != nil && !slices.Contains(known, hostname(r.Host)):
			http.Error(w, fmt.Sprintf("this Firstlight listens on loopback and does not answer for the host %q: open it as localhost, or set FIRSTLIGHT_EXTERNAL_URL", hostname(r.Host)), http.StatusMisdirectedRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hosts are the names a page on loopback answers to. Another site's name that was made to resolve to loopback (DNS
// rebinding) is none of them. Elsewhere every name is as good: nil.
func hosts(listen, external string) []string {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil
	}
	known := []string{"localhost", "127.0.0.1", "::1", host}
	if u, err := url.Parse(external); err == nil && u.Host != "" {
		known = append(known, hostname(u.Host))
	}
	return known
}

// hostname is a Host header without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
