// Package doors judges an HTTP request before anything answers it: was it meant for this server, and did a person or a
// program on this side send it, or a page of another site? It is the one rule of every face that Firstlight serves.
package doors

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Rule says what a face answers to.
type Rule struct {
	// External is where people reach the face (FIRSTLIGHT_EXTERNAL_URL): its host and its origin are known besides
	// loopback names and IP addresses. It may be nil.
	External *url.URL
}

// Refusal is why a request is not answered: a status, and one line that says what to do.
type Refusal struct {
	Status int
	Reason string
}

// Refuse returns nil when r may be answered. page says that the path is one that people open: a link on another site
// may lead there. Everything else is answered to requests from this origin, or from no page, only.
func (rule Rule) Refuse(r *http.Request, page bool) *Refusal {
	if !rule.KnownHost(r.Host) {
		return &Refusal{
			http.StatusMisdirectedRequest,
			"this server does not answer for that host: use localhost, an IP address, or the host of FIRSTLIGHT_EXTERNAL_URL",
		}
	}
	if page && Navigation(r) || !rule.CrossSite(r) {
		return nil
	}
	return &Refusal{http.StatusForbidden, "requests of other sites' pages are refused"}
}

// KnownHost tells whether a Host header names this server: a loopback name, an IP address or the external host, with
// any port. Whoever points a name of his own at this machine (DNS rebinding) sends another.
func (rule Rule) KnownHost(host string) bool {
	name := hostname(host)
	if loopbackName(name) || net.ParseIP(name) != nil {
		return true
	}
	return name != "" && rule.External != nil && name == hostname(rule.External.Host)
}

// CrossSite tells whether a page of another origin sent r, another port of this machine included. Requests that no
// page sent (programs, addresses typed by people) are not cross-site.
func (rule Rule) CrossSite(r *http.Request) bool {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	for _, origin := range r.Header["Origin"] {
		if !rule.ownOrigin(origin, r.Host) {
			return true
		}
	}
	return false
}

// ownOrigin tells whether an Origin header is this face's own: that of the host asked for, or the external one.
func (rule Rule) ownOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	if strings.EqualFold(authority(u.Host, u.Scheme), authority(host, u.Scheme)) {
		return true
	}
	e := rule.External
	return e != nil && strings.EqualFold(e.Scheme, u.Scheme) && strings.EqualFold(authority(u.Host, u.Scheme), authority(e.Host, u.Scheme))
}

// Navigation tells whether r opens a page in a tab, as a click on a link does: a GET of a document, in no frame.
func Navigation(r *http.Request) bool {
	one := func(name, value string) bool { v := r.Header[name]; return len(v) == 1 && v[0] == value }
	return r.Method == http.MethodGet && len(r.Header["Origin"]) == 0 &&
		one("Sec-Fetch-Mode", "navigate") && one("Sec-Fetch-Dest", "document")
}

// NoPage is the Content-Security-Policy of answers that are no page.
const NoPage = "default-src 'none'; frame-ancestors 'none'; sandbox"

// Protect sets the headers that keep an answer from other sites' pages: it is what its type says, no other origin may
// load it, and no page may frame it. policy is the Content-Security-Policy.
func Protect(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
}

// Loopback tells whether a host, with or without a port, is this machine by name or address.
func Loopback(host string) bool {
	name := hostname(host)
	ip := net.ParseIP(name)
	return loopbackName(name) || ip != nil && ip.IsLoopback()
}

// loopbackName tells whether a name means this machine to every browser, whatever DNS says.
func loopbackName(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// hostname is a host without its port, brackets and final dot, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// authority is a host with its port: the scheme's own unless it has one.
func authority(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := map[string]string{"http": ":80", "https": ":443"}[strings.ToLower(scheme)]
	return host + port
}
