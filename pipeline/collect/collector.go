package collect

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"firstlight/pipeline/event"
)

// Config is how a collector is set.
type Config struct {
	Keys       *Keyring
	Proxies    []netip.Prefix // whose word on the client's address counts
	StoreIP    bool           // addresses of clients are stored, as context.ip
	HonourGPC  bool           // nothing is stored of a browser that sends Sec-GPC: 1
	MaxRequest int            // bytes of a body as it comes
	MaxEvent   int            // bytes of an event
	Log        *zap.Logger
}

// What a request may hold besides.
const (
	unpackedFactor = 4        // bytes of a body once decompressed, for each of MaxRequest
	maxInFlight    = 64 << 20 // bytes of all requests that are being answered
)

// DefaultSource is the source of events where there are no keys.
const DefaultSource = "web"

// Collector takes events over HTTP.
type Collector struct {
	config   Config
	sender   *Sender
	metrics  *metrics
	room     *semaphore.Weighted // of bodies, in bytes
	inFlight gauge
	now      func() time.Time
}

// New returns a collector that stores events through a sender.
func New(config Config, sender *Sender) *Collector {
	c := &Collector{config: config, sender: sender, room: semaphore.NewWeighted(maxInFlight), now: time.Now}
	c.metrics = newMetrics(sender, func() float64 { return float64(c.inFlight.Load()) })
	return c
}

// Metrics are what the collector tells Prometheus.
func (c *Collector) Metrics() prometheus.Collector { return c.metrics }

// ServeHTTP answers a request of a client.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := c.now()
	path := route(r.URL.Path)
	out := &recorder{ResponseWriter: w, code: http.StatusOK}
	defer func() { c.metrics.answered(path.form, out.code, c.now().Sub(began), path.carries()) }()
	defer c.survive(out)
	protect(w.Header())
	origin := r.Header.Get("Origin")
	if p := c.answer(out, r, &path, origin); p != nil {
		c.refuse(out, path.phrase(p))
	}
}

// survive answers 500 where a request could not be answered for a fault in this package.
func (c *Collector) survive(w *recorder) {
	switch why := recover(); why {
	case nil:
	case http.ErrAbortHandler:
		panic(why)
	default:
		c.config.Log.Error("BUG: a request could not be answered", zap.Any("panic", why), zap.ByteString("stack", debug.Stack()))
		c.refuse(w, problem(http.StatusInternalServerError, "this is a bug: the collector's log says more"))
	}
}

// answer serves a request, or returns why it is refused.
func (c *Collector) answer(w http.ResponseWriter, r *http.Request, path *routed, origin string) *Problem {
	keys := c.config.Keys.all()
	page, known := normalOrigin(origin)
	if len(keys) == 0 {
		if why := loopbackOnly(r, origin); why != "" {
			return problem(http.StatusForbidden, "%s", why)
		}
		allow(w.Header(), origin)
	} else if origin != "" && known && anyTakes(keys, page) {
		allow(w.Header(), origin) // until the key says otherwise: a page is to read what is wrong
	}
	switch {
	case r.Method == http.MethodOptions:
		return preflight(w, r)
	case path.form == formUnknown:
		return problem(http.StatusNotFound, "there is no such path: %s", paths)
	case !slices.Contains(path.methods(), r.Method):
		w.Header().Set("Allow", strings.Join(path.methods(), ", "))
		return problem(http.StatusMethodNotAllowed, "this path takes %s", strings.Join(path.methods(), " and "))
	}
	return c.take(w, r, path, keys, page)
}

// take reads a request of a known path and answers it.
func (c *Collector) take(w http.ResponseWriter, r *http.Request, path *routed, keys []Key, page string) *Problem {
	body, done, p := c.body(r, path)
	defer done()
	if p != nil {
		return p
	}
	e, p := path.open(r, body)
	if p != nil {
		return p
	}
	sent := keyOfRequest(r, path, e)
	key, p := judgeKey(w.Header(), keys, sent, page, r.Header.Get("Origin") != "", !path.carries())
	switch {
	case p != nil:
		return p
	case !path.carries():
		c.hello(w, r, path.form, sent, key)
		return nil
	case key.limit != nil && !key.limit.AllowN(c.now(), len(e.events)):
		return &Problem{http.StatusTooManyRequests, "too many events a second for this key: send this again later", 1}
	case c.config.HonourGPC && r.Header.Get("Sec-Gpc") == "1":
		c.metrics.became(withheld, len(e.events))
		writeJSON(w, http.StatusOK, answer{Status: 1, Success: true, Withheld: len(e.events)})
		return nil
	}
	in := &intake{source: key.Source, received: c.now().UnixMilli(), maxEvent: c.config.MaxEvent}
	if at := client(r, c.config.Proxies); c.config.StoreIP && at.IsValid() {
		in.address = at.String()
	}
	return c.store(r.Context(), w, path, path.events(in, r, e))
}

// judgeKey returns the key that a client has sent, or why it may not use it. Where there are no keys, any will do. asks says that the
// request carries no events.
func judgeKey(h http.Header, keys []Key, sent, page string, ofPage, asks bool) (*Key, *Problem) {
	if len(keys) == 0 {
		return &Key{Source: DefaultSource}, nil
	}
	if sent == "" {
		return nil, problem(http.StatusUnauthorized, "a write key is missing: send it as the user of Basic authentication, as Bearer, as writeKey (PostHog: api_key or token) in the body, or as ?writeKey= in the address")
	}
	key := find(keys, sent)
	switch {
	case key == nil:
		return nil, problem(http.StatusUnauthorized, "the write key is unknown")
	case asks && !ofPage:
		return key, nil // a script, or a page of this host
	case !key.takes(page):
		disallow(h)
		return nil, problem(http.StatusForbidden, "the write key is bound to pages of other origins: add this one behind the key, or send with a key that has no origins")
	}
	return key, nil
}

// answer is what a client is told of its events.
type answer struct {
	Status     int               `json:"status,omitempty"` // 1: PostHog's word for success
	Success    bool              `json:"success"`
	Error      string            `json:"error,omitempty"`
	Stored     int               `json:"stored"`
	Duplicates int               `json:"duplicates,omitempty"` // the stream had them
	Withheld   int               `json:"withheld,omitempty"`   // not stored, because the browser asks for privacy
	Refusals   int               `json:"refusals,omitempty"`
	Refused    []Refusal         `json:"refused,omitempty"` // the first 100
	Results    map[string]object `json:"results,omitempty"` // by uuid: how PostHog's newer form says it
}

// store stores the events of a request and says what became of each.
func (c *Collector) store(ctx context.Context, w http.ResponseWriter, path *routed, b *Batch) *Problem {
	out := c.sender.Send(ctx, b.Events)
	for _, r := range out.Refused {
		b.refuse(r)
	}
	c.metrics.became(stored, out.Stored)
	c.metrics.became(duplicate, out.Duplicates)
	if out.Failed != nil {
		c.metrics.became(unstored, len(b.Events)-out.Stored-out.Duplicates-len(out.Refused))
		if errors.Is(out.Failed, errBusy) {
			return &Problem{http.StatusTooManyRequests, "too many events wait for the stream: send this again", 1}
		}
		return &Problem{http.StatusServiceUnavailable, "the stream cannot be reached, and not all is stored: send this again", 5}
	}
	a := answer{Success: true, Status: 1, Stored: out.Stored, Duplicates: out.Duplicates, Refusals: b.refused, Refused: b.Refused}
	code := http.StatusOK
	if b.refused > 0 && out.Stored+out.Duplicates == 0 {
		a.Success, a.Status, a.Error, code = false, 0, b.Refused[0].Detail, http.StatusBadRequest
		if b.reasons[event.TooLarge] == b.refused {
			code = http.StatusRequestEntityTooLarge
		}
	}
	if path.form == formPostHogV1 {
		a.Results = results(b)
	}
	for reason, n := range b.reasons {
		c.metrics.became(string(reason), n)
	}
	writeJSON(w, code, a)
	return nil
}

// results names the refused events of a batch as PostHog's newer form does.
func results(b *Batch) map[string]object {
	named := map[string]object{}
	for _, r := range b.Refused {
		if r.ID != "" {
			named[r.ID] = object{"result": "drop", "details": r.Detail}
		}
	}
	return named
}

// refuse answers with a problem.
func (c *Collector) refuse(w http.ResponseWriter, p *Problem) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	writeJSON(w, p.Status, answer{Error: p.Text})
}
