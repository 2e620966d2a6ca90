package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"firstlight/pipeline/redact"
)

const (
	postTimeout = 10 * time.Second
	// maxRetryAfter bounds how long a server may send us away.
	maxRetryAfter = time.Hour
	// maxWords bounds what is shown of a server's answer.
	maxWords = 300
	// badAddressTries is how often a message is tried that is refused for its address or credentials: those may be in
	// the making. Refused for what it says, it is given up at once.
	badAddressTries = 8
)

// client follows no redirect: a POST would become a GET that succeeds and says nothing.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answerError is a delivery that failed, without any secret.
type answerError struct {
	status int // 0: there was no answer
	words  string
	after  time.Duration // how long the server wants to be left alone
	dialed bool          // a connection was made
	unfit  bool          // it could not even be sent
}

// unfit is why a message cannot be sent anywhere: trying again would hold up the others for ever.
func unfit(err error) error { return &answerError{words: err.Error(), unfit: true} }

func (e *answerError) Error() string {
	text := e.words
	if e.status != 0 {
		text = strings.TrimSuffix(fmt.Sprintf("%d %s: %s", e.status, http.StatusText(e.status), e.words), ": ")
	}
	return text
}

// refused reports whether trying again is likely to end the same.
func (e *answerError) refused() bool {
	return e.unfit || e.status != 0 && e.status < 500 && e.status != http.StatusRequestTimeout && e.status != http.StatusTooManyRequests
}

// patience is how often to try when refused.
func (e *answerError) patience() int {
	if e.unfit || slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, e.status) {
		return 1
	}
	return badAddressTries
}

// untouched reports whether the server cannot have taken the message.
func (e *answerError) untouched() bool {
	if e.status == 0 {
		return !e.dialed
	}
	return e.status != http.StatusBadGateway && e.status != http.StatusGatewayTimeout
}

// poster sends JSON to one address.
type poster struct {
	url     *url.URL
	header  http.Header
	secrets redact.Secrets
	timeout time.Duration
}

// newPoster returns a poster to an address, of which a kind of parts is secret, and with further secrets.
func newPoster(u *url.URL, kind redact.Kind, secrets ...string) *poster {
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "firstlight")
	p := &poster{url: u, header: h, timeout: postTimeout}
	p.secrets.Add(kind, u.String())
	for _, secret := range secrets {
		p.secrets.Add(redact.Whole, secret)
	}
	return p
}

// send posts a body and returns the server's answer in a few words. Statuses are those that mean success; none: all
// of 2xx.
func (p *poster) send(ctx context.Context, body []byte, header http.Header, statuses ...int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(body))
	if err != nil {
		return "", &answerError{words: p.hide(p.bare(err).Error())}
	}
	for _, h := range []http.Header{p.header, header} {
		for k, v := range h {
			req.Header[k] = v
		}
	}
	res, err := client.Do(req)
	if err != nil {
		return "", &answerError{words: p.hide(p.bare(err).Error()), dialed: !dialFailed(err)}
	}
	defer res.Body.Close()
	content, _ := io.ReadAll(io.LimitReader(res.Body, 4*maxWords)) // only for the words
	words := p.hide(oneLine(content))
	ok := res.StatusCode >= 200 && res.StatusCode < 300
	for i, s := range statuses {
		ok = i > 0 && ok || s == res.StatusCode
	}
	if ok {
		return strings.TrimSpace(fmt.Sprintf("%d %s %s", res.StatusCode, http.StatusText(res.StatusCode), words)), nil
	}
	if res.StatusCode < 400 && words == "" {
		words = "not the answer expected: is the address right?"
	}
	return "", &answerError{status: res.StatusCode, words: words, after: retryAfter(res.Header.Get("Retry-After"), time.Now())}
}

// sendJSON posts a value.
func (p *poster) sendJSON(ctx context.Context, v any, statuses ...int) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", unfit(fmt.Errorf("write the request: %w", err))
	}
	return p.send(ctx, body, nil, statuses...)
}

// bare takes the address off an error: it may be a secret.
func (p *poster) bare(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		if withURL.Timeout() {
			return fmt.Errorf("no answer within %s", p.timeout)
		}
		return withURL.Err
	}
	return err
}

func dialFailed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// hide takes secrets out of what others say.
func (p *poster) hide(text string) string { return p.secrets.Text(text) }

// oneLine is what a server says, as one short line.
func oneLine(content []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(content), "")), " ")
	return cut(text, maxWords)
}

// cut shortens a text to at most n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	var wait time.Duration
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
