package page

import (
	"net/http"

	"firstlight/pipeline/doors"
)

// policy lets the page load its own files and ask its own server, and nothing else; and send events to a collector, if there is one.
func policy(collector string) string { return policyWith(collector, "'self'") }

// policyWith is the policy of a page with styles from somewhere.
func policyWith(collector, styles string) string {
	ask := "'self'"
	if collector != "" {
		ask += " " + collector
	}
	return "default-src 'none'; script-src 'self'; style-src " + styles + "; img-src 'self' data:; connect-src " + ask + "; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// guard refuses what the page never asks for, and forbids the browser what the page never does. Who may ask is judged before.
func guard(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doors.Protect(w.Header(), policy)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page is read-only", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
