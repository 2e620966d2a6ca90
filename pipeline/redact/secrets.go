package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Kind says what of a setting is secret.
type Kind string

// The kinds.
const (
	Whole    Kind = "whole"    // all of it: a key, a token, a password
	Address  Kind = "address"  // of a server's addresses: password, parameters, and a user that has no password, since that is a token
	Database Kind = "database" // of a database's address: password and parameters
	Hook     Kind = "hook"     // of an address: path and query too
	Keys     Kind = "keys"     // of lines of words: the first of each
)

// shortest is the length (bytes) from which a secret is looked for anywhere in a text. Shorter ones would be found in words;
// they are hidden by their form only.
const shortest = 4

// shortestSegment is the same for the last part of a webhook's path alone: shorter ones are words, such as alerts.
const shortestSegment = 12

// Secrets is what nobody is to see. The zero value hides what is secret by its form. It is safe for concurrent use.
type Secrets struct {
	mu       sync.Mutex
	known    []string
	replacer atomic.Pointer[strings.Replacer]
}

// Add hides what is secret of a setting's value from now on, in every spelling that errors and logs use.
func (s *Secrets) Add(kind Kind, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, part := range parts(kind, value) {
		for _, spelling := range spellings(part) {
			if len(spelling) >= shortest && !slices.Contains(s.known, spelling) {
				s.known = append(s.known, spelling)
			}
		}
	}
	slices.SortStableFunc(s.known, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := make([]string, 0, 2*len(s.known))
	for _, secret := range s.known {
		pairs = append(pairs, secret, Hidden)
	}
	s.replacer.Store(strings.NewReplacer(pairs...))
}

// Text is a text without secrets.
func (s *Secrets) Text(text string) string {
	if r := s.replacer.Load(); r != nil {
		text = r.Replace(text)
	}
	return byForm(text)
}

// Error is an error whose text has no secrets. It wraps err; nil stays nil.
func (s *Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	if text := s.Text(err.Error()); text != err.Error() {
		return &hidden{text, err}
	}
	return err
}

type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }
func (h *hidden) Unwrap() error { return h.err }

// Writer passes on what is written, without secrets. A secret must lie within one call of Write.
func (s *Secrets) Writer(w io.Writer) io.Writer { return &writer{s, w} }

type writer struct {
	secrets *Secrets
	to      io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.secrets.Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// parts are the secret parts of a setting's value, however malformed it is.
func parts(kind Kind, value string) []string {
	switch kind {
	case Whole:
		return []string{value}
	case Keys:
		return firstWords(value)
	}
	var all []string
	for _, text := range append(strings.Split(value, ","), value) {
		all = append(all, partsOfAddress(kind, strings.TrimSpace(text))...)
	}
	return all
}

func firstWords(lines string) (words []string) {
	for line := range strings.Lines(lines) {
		if all := strings.Fields(line); len(all) > 0 && !strings.HasPrefix(all[0], "#") {
			words = append(words, all[0])
		}
	}
	return words
}

func partsOfAddress(kind Kind, text string) []string {
	var all []string
	rest := text
	if _, after, found := strings.Cut(text, "://"); found {
		rest = after
	}
	before, query, _ := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && !strings.Contains(rest[:at], "=") {
		all = append(all, ofUser(kind, rest[:at])...)
		_, query, _ = strings.Cut(rest[at:], "?")
	} else if at := strings.LastIndexByte(before, '@'); at >= 0 {
		all = append(all, ofUser(kind, before[:at])...)
	}
	all = append(all, ofQuery(query)...)
	if kind == Hook {
		if u, err := url.Parse(text); err == nil {
			all = append(all, u.EscapedPath(), u.RawQuery, u.RequestURI())
			if last := path.Base(u.Path); len(last) >= shortestSegment {
				all = append(all, last)
			}
		}
		if _, after, found := strings.Cut(rest, "/"); found {
			all = append(all, "/"+after)
		}
	}
	return all
}

// ofUser are the secrets of what stands before the @ of an address.
func ofUser(kind Kind, user string) []string {
	name, password, found := strings.Cut(user, ":")
	switch {
	case found:
		return append(strings.FieldsFunc(password, ends), password, basic(name+":"+password))
	case kind == Database:
		return nil
	}
	return append(strings.FieldsFunc(user, ends), user)
}

// basic is user and password as the header of Basic authentication has them.
func basic(user string) string {
	if decoded, err := url.PathUnescape(user); err == nil {
		user = decoded
	}
	return base64.StdEncoding.EncodeToString([]byte(user))
}

// ends reports whether a character that was not encoded ends the host for some parser, whose error then quotes a piece.
func ends(r rune) bool { return strings.ContainsRune("/?#@, ", r) }

// ofQuery are the secrets among the parameters of an address. A value may be an address itself.
func ofQuery(query string) []string {
	var all []string
	for pair := range strings.SplitSeq(query, "&") {
		if _, value, _ := strings.Cut(pair, "="); inQuery.MatchString("?" + pair) {
			all = append(all, value)
		}
	}
	for _, text := range []string{query, unescape(query)} {
		_, address, _ := strings.Cut(text, "://")
		if at := strings.LastIndexByte(address, '@'); at >= 0 {
			all = append(all, ofUser(Address, address[:at])...)
		}
	}
	return all
}

func unescape(query string) string {
	text, err := url.QueryUnescape(query)
	if err != nil { // with a % of its own
		text = strings.NewReplacer("%3A", ":", "%2F", "/", "%40", "@", "%3a", ":", "%2f", "/").Replace(query)
	}
	return text
}

// spellings are the ways a secret is written: as it is, decoded, and as URLs, %q and JSON write both.
func spellings(secret string) []string {
	all := []string{secret}
	for _, decode := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if text, err := decode(secret); err == nil && text != "" {
			all = append(all, text)
		}
	}
	for _, text := range slices.Clone(all) {
		quoted, ascii := strconv.Quote(text), strconv.QuoteToASCII(text)
		encoded, err := json.Marshal(text)
		if err == nil {
			all = append(all, string(encoded[1:len(encoded)-1]))
		}
		all = append(all, url.PathEscape(text), url.QueryEscape(text), strings.TrimPrefix(url.UserPassword("", text).String(), ":"),
			quoted[1:len(quoted)-1], ascii[1:len(ascii)-1])
	}
	return all
}
