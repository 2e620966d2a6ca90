package collect

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/time/rate"

	"firstlight/pipeline/event"
)

// Key is a write key: whoever has it may send events of its source.
type Key struct {
	Source  string
	origins []string // the only pages that may use it; empty: any page, and programs
	digest  [sha256.Size]byte
	limit   *rate.Limiter // events per second; nil: none
}

// ParseKeys reads write keys, one a line: key, source, and the origins of the pages that may use it, if it is bound to any. Empty lines
// and lines that begin with # are left out. It returns the keys as they are written too, for whoever hides secrets. Errors name a
// line by its number, and hold nothing of a key.
//
//	wk_4f0c1e site https://acme.example https://www.acme.example
//	wk_9ab27d backend
func ParseKeys(text string) (keys []Key, secrets []string, err error) {
	number := 0
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		number++
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 {
			return nil, nil, fmt.Errorf("line %d is one word: write a key, a source, and the origins of its pages, such as KEY web https://acme.example", number)
		}
		k := Key{Source: words[1], digest: sha256.Sum256([]byte(words[0]))}
		if event.CheckSource(k.Source) != nil { // which quotes the word: it may be a key in the wrong place
			return nil, nil, fmt.Errorf("line %d: the source, its second word, cannot be part of a subject: use at most 64 bytes without dots, * and >, such as web", number)
		}
		for i, word := range words[2:] {
			origin, ok := normalOrigin(word)
			if !ok {
				return nil, nil, fmt.Errorf("line %d: word %d is no origin: write scheme, host and port if it has one, such as https://acme.example", number, i+3)
			}
			k.origins = append(k.origins, origin)
		}
		if slices.ContainsFunc(keys, func(other Key) bool { return other.digest == k.digest }) {
			return nil, nil, fmt.Errorf("line %d has the key of an earlier line: a key names one source", number)
		}
		keys, secrets = append(keys, k), append(secrets, words[0])
	}
	return keys, secrets, nil
}

// find returns the key that a client has sent, nil when there is none. It takes as long for any text of one length, whatever the keys are.
func find(keys []Key, sent string) *Key {
	digest, found := sha256.Sum256([]byte(sent)), -1
	for i := range keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digest[:], keys[i].digest[:]), i, found)
	}
	if found < 0 {
		return nil
	}
	return &keys[found]
}

// takes reports whether pages of an origin may use the key; empty: no page has sent the request.
func (k *Key) takes(origin string) bool {
	return len(k.origins) == 0 || slices.Contains(k.origins, origin)
}

// anyTakes reports whether pages of an origin may use any key.
func anyTakes(keys []Key, origin string) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.takes(origin) })
}

// normalOrigin is an origin as browsers write it: lower case, and no port where it is the scheme's own.
func normalOrigin(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" || strings.Contains(u.Host, "*") {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	for _, own := range [][2]string{{"http", ":80"}, {"https", ":443"}} {
		if scheme == own[0] {
			host = strings.TrimSuffix(host, own[1])
		}
	}
	return scheme + "://" + host, scheme != ""
}
