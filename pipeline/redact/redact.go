// Package redact keeps secrets out of what people read: messages, errors, logs, pages.
//
// There are two lines. Parse reads addresses and says what is wrong without a word of them, so that no library's error about
// a malformed one is ever shown. Secrets takes what is secret out of any text on its way out, for all errors that quote a
// well-formed one.
//
// The package is pure.
package redact

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "xxxxx"

// The ways an address can be unreadable. None holds anything of it.
var (
	errUnreadable = errors.New("is no address: write scheme://user:password@host:port, and in user and password write / ? # % @ : and spaces as %2F %3F %23 %25 %40 %3A %20")
	errNoHost     = errors.New("names no host: write scheme://user:password@host:port")
)

// Parse reads an address. Its errors go on after the name of a setting and hold nothing of the text.
func Parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || strings.ContainsFunc(text, control) {
		return nil, errUnreadable
	}
	// A password with / ? or # in it ends the host early, and its rest takes the host along.
	query, _, at := strings.Cut(u.RawQuery, "@")
	if strings.Contains(u.Path, "@") || strings.Contains(u.Fragment, "@") || at && !strings.Contains(query, "=") {
		return nil, errUnreadable
	}
	if u.Hostname() == "" {
		return nil, errNoHost
	}
	return u, nil
}

func control(r rune) bool { return r <= ' ' || r == 0x7f }

// Split returns the addresses of a list separated by commas. One without a scheme gets this one.
func Split(list, scheme string) []string {
	var all []string
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if text != "" && !strings.Contains(text, "://") {
			text = scheme + "://" + text
		}
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// Addresses shows a list of addresses separated by commas: scheme, host and port of each.
func Addresses(list string) string {
	var shown []string
	for _, text := range Split(list, "nats") {
		u, err := Parse(text)
		if err != nil {
			shown = append(shown, "(unreadable address)")
			continue
		}
		shown = append(shown, u.Scheme+"://"+u.Host)
	}
	return strings.Join(shown, ",")
}

// userinfo is what stands before the host of an address in a text, to the last @ that may belong to it. What follows up to the
// end of the word could be its password's rest.
var userinfo = regexp.MustCompile(`(://)[^\s"'<>]*@`)

// inQuery is a parameter whose name says that it is secret.
var inQuery = regexp.MustCompile(`(?i)([?&;][a-z_.-]*(?:pass|pwd|token|secret|key|auth|cred|jwt|seed)[a-z_.-]*=)[^&;\s"'<>]*`)

// byForm hides what by its form is secret: user and password of an address, and parameters that say so.
func byForm(text string) string {
	if !strings.ContainsAny(text, "@=") {
		return text
	}
	text = userinfo.ReplaceAllString(text, "${1}"+Hidden+"@")
	return inQuery.ReplaceAllString(text, "${1}"+Hidden)
}
