package collect

import (
	"mime"
	"net/http"
	"strings"
)

// The forms of requests, as metrics name them.
const (
	formUnknown         = "unknown"
	formSegment         = "segment"
	formPostHog         = "posthog"
	formPostHogV1       = "posthog_v1"
	formEvents          = "events" // CloudEvents in any mode, and lists or lines of events in Segment's form
	formSegmentSettings = "segment_settings"
	formRudderConfig    = "rudder_config"
	formPostHogConfig   = "posthog_config"
	formPostHogScript   = "posthog_script"
	formPostHogFlags    = "posthog_flags"
)

// paths is what clients are told where they have taken a wrong one.
const paths = "Segment and RudderStack SDKs post to /v1/batch, /v1/track, /v1/identify, /v1/page, /v1/screen, /v1/group and /v1/alias; PostHog's to /batch/, /e/ and /i/v0/e/; " +
	"CloudEvents, JSON lists and lines of JSON go to /events"

// routed is what a path asks for.
type routed struct {
	form string
	kind string // of events in Segment's form that name none; empty: any
	key  string // that the path carries
}

// segmentKinds are the types of events by the last part of the path, the short ones of browsers too.
var segmentKinds = map[string]string{
	"track": "track", "t": "track", "identify": "identify", "i": "identify", "page": "page", "p": "page", "screen": "screen", "s": "screen",
	"group": "group", "g": "group", "alias": "alias", "a": "alias", "batch": "", "b": "", "import": "",
}

// fixed are the paths that carry nothing else, without the slash at their end.
var fixed = map[string]string{
	"/batch": formPostHog, "/capture": formPostHog, "/e": formPostHog, "/i/v0/e": formPostHog, "/track": formPostHog, "/i/v1/analytics/events": formPostHogV1,
	"/flags": formPostHogFlags, "/decide": formPostHogFlags, "/sourceConfig": formRudderConfig, "/events": formEvents, "/beacon/v1/batch": formSegment,
}

// route says what a path asks for.
func route(path string) routed {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if form, there := fixed[path]; there {
		return routed{form: form}
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	key, last, several := strings.Cut(rest, "/")
	switch {
	case first == "v1" && !several:
		if kind, there := segmentKinds[rest]; there {
			return routed{form: formSegment, kind: kind}
		}
	case first == "v1" && key == "projects":
		if key, last, _ = strings.Cut(last, "/"); last == "settings" && key != "" {
			return routed{form: formSegmentSettings, key: key}
		}
	case first == "array" && key != "" && last == "config":
		return routed{form: formPostHogConfig, key: key}
	case first == "array" && key != "" && last == "config.js":
		return routed{form: formPostHogScript, key: key}
	}
	return routed{form: formUnknown}
}

// carries reports whether a request of this path carries events.
func (p *routed) carries() bool {
	return p.form == formSegment || p.form == formPostHog || p.form == formPostHogV1 || p.form == formEvents
}

// methods are those that the path takes.
func (p *routed) methods() []string {
	switch {
	case p.carries():
		return []string{http.MethodPost}
	case p.form == formPostHogFlags:
		return []string{http.MethodPost, http.MethodGet}
	}
	return []string{http.MethodGet, http.MethodHead}
}

// phrase says a problem as the SDKs of the path understand it: PostHog's in browsers drops what is answered 429, and sends again what is
// answered 503.
func (p *routed) phrase(why *Problem) *Problem {
	if why.Status == http.StatusTooManyRequests && (p.form == formPostHog || p.form == formPostHogV1) {
		return &Problem{http.StatusServiceUnavailable, why.Text, why.RetryAfter}
	}
	return why
}

// open takes the body of a request apart.
func (p *routed) open(r *http.Request, body []byte) (*envelope, *Problem) {
	switch {
	case len(body) == 0 && !p.carries(), p.form == formEvents && binaryMode(r):
		return &envelope{events: [][]byte{body}}, nil
	case p.form == formEvents:
		return openLines(body, callsItLines(r))
	}
	return open(body)
}

// callsItLines reports whether the content type of a request says that its body is an event per line: application/x-ndjson, its kin
// and its other names.
func callsItLines(r *http.Request) bool {
	kind := strings.ToLower(r.Header.Get("Content-Type"))
	return strings.Contains(kind, "ndjson") || strings.Contains(kind, "jsonl") || strings.Contains(kind, "json-lines")
}

// binaryMode reports whether a request is a CloudEvent in binary mode: its attributes are headers.
func binaryMode(r *http.Request) bool {
	return r.Header.Get("Ce-Specversion") != "" && !strings.HasPrefix(mediaType(r), "application/cloudevents")
}

// mediaType is the type of a body, without its parameters, in lower case.
func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// events makes the events of a request.
func (p *routed) events(in *intake, r *http.Request, e *envelope) *Batch {
	switch {
	case p.form == formPostHog || p.form == formPostHogV1:
		return in.posthog(e, sentByRequest(r))
	case p.form == formEvents && binaryMode(r):
		return in.binary(cloudHeaders(r.Header), e.events[0])
	case p.form == formEvents && strings.HasPrefix(mediaType(r), "application/cloudevents"):
		return in.structured(e)
	}
	return in.segment(e, p.kind)
}

// sentByRequest is when PostHog's SDKs say outside the body that they have sent it.
func sentByRequest(r *http.Request) string {
	if text := r.Header.Get("Posthog-Request-Timestamp"); text != "" {
		return text
	}
	for _, name := range []string{"sent_at", "_"} {
		if text := r.URL.Query().Get(name); text != "" {
			return msText([]byte(text))
		}
	}
	return ""
}

// keyOfRequest is the write key that a request carries: in its head, its path, its address or its body, the first of them.
func keyOfRequest(r *http.Request, path *routed, e *envelope) string {
	if user, _, basic := r.BasicAuth(); basic && user != "" {
		return user
	}
	if scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " "); found && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if path.key != "" {
		return path.key
	}
	if r.URL.RawQuery != "" {
		query := r.URL.Query()
		for _, name := range []string{"writeKey", "api_key", "token"} {
			if key := query.Get(name); key != "" {
				return key
			}
		}
	}
	return e.key
}
