package annotation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/nearest"
)

// The reasons to refuse an annotation, beside the event package's Malformed, BadTimestamp and TooLarge.
const (
	MissingTitle event.Reason = "missing_title"
	InvalidKind  event.Reason = "invalid_kind"
	InvalidURL   event.Reason = "invalid_url"
	InvalidGoal  event.Reason = "invalid_expects"
)

// The bounds of an annotation, in bytes.
const (
	MaxPayload = event.MaxPayload
	MaxTitle   = 200
	MaxID      = event.MaxID
	MaxURL     = 2048
	MaxMetric  = 200
	MaxAuthor  = 200
	MaxOf      = 100 // of the incident that an action is about
)

// latest is the first time that is too late to be meant, 2200-01-01T00:00:00Z in ms: what lies beyond comes from a
// mistyped year, and ClickHouse could not hold all of it.
const latest = 7_258_118_400_000

var kinds = []string{string(Deploy), string(Campaign), string(Incident), string(Action), string(Expected)}

// idHeader is where JetStream clients put a message's id.
const idHeader = "Nats-Msg-Id"

// Parse judges one message. It returns the annotation, or the reason why it is none and one sentence about it. The
// first judgement that fails decides:
//
//  1. too_large: the body is longer than MaxPayload.
//  2. malformed: the body is not one JSON object, as for events; or id, metric, text or author is neither a string nor
//     null, or too long (incident too; text is bounded by MaxPayload only; a numeric id is its text); or deleted is no boolean, or
//     true without an id.
//  3. bad_timestamp: time or until is neither null nor an RFC 3339 string (any offset), or lies before 1971 or after
//     2199, or until lies before time; or an unreadable Firstlight-Received-At. A missing time is the received time.
//  4. invalid_kind: kind is none of the five, in lower case.
//  5. missing_title: title is missing, blank, longer than MaxTitle, or not a string.
//  6. invalid_url: url is neither null, empty, nor an http or https address of at most MaxURL bytes.
//  7. invalid_expects: expects is neither null nor a number, or a string with one, of size up to 1 and not 0; or expects or
//     incident stand in an annotation that is no action, or expects without a metric.
//
// What is deleted needs only its id: its other fields are read where they are good, and not asked for.
//
// The id is the field id, else the header Nats-Msg-Id, else made of the time and the whole body. Of a key that appears
// twice the last one counts. Unknown fields are ignored.
func Parse(m *event.Message) (a Annotation, reason event.Reason, detail string) {
	if len(m.Data) > MaxPayload {
		return a, event.TooLarge, fmt.Sprintf("the annotation has %d bytes, the limit is %d", len(m.Data), MaxPayload)
	}
	if problem := event.CheckObject("the annotation", m.Data); problem != "" {
		return a, event.Malformed, problem
	}
	f := fields{}
	if err := json.Unmarshal(m.Data, &f); err != nil {
		return a, event.Malformed, "the annotation is not valid JSON: " + err.Error()
	}
	a.Source = event.Source(m.Subject)
	if problem := f.texts(&a); problem != "" {
		return a, event.Malformed, problem
	}
	if a.ID == "" {
		a.ID = event.Header(m, idHeader)
	}
	if problem := f.deleted(&a); problem != "" {
		return a, event.Malformed, problem
	}
	problems := []struct {
		reason event.Reason
		text   string
	}{
		{event.BadTimestamp, f.times(m, &a)},
		{InvalidKind, f.kind(&a)},
		{MissingTitle, f.title(&a)},
		{InvalidURL, f.url(&a)},
		{InvalidGoal, f.expects(&a)},
	}
	for _, p := range problems {
		if p.text != "" && !a.Deleted {
			return a, p.reason, p.text
		}
	}
	if a.ID == "" || len(a.ID) > MaxID { // a header longer than MaxID is no id
		a.ID = derivedID(a.At, m.Data)
	}
	return a, "", ""
}

// derivedID is the id of an annotation that has none: another one at another time is not the same, even with the
// same words.
func derivedID(at int64, body []byte) string {
	sum := sha256.Sum256(append(strconv.AppendInt(nil, at, 10), body...))
	return hex.EncodeToString(sum[:16])
}

// fields are the raw values of a body by key.
type fields map[string]json.RawMessage

// text returns a field's text, empty when it is missing or null, and whether it could be read.
func (f fields) text(key string) (text string, ok bool) {
	raw := f[key]
	if len(raw) == 0 || raw[0] == 'n' {
		return "", true
	}
	return text, json.Unmarshal(raw, &text) == nil
}

// texts reads the texts that need not be there, and returns what is wrong with one.
func (f fields) texts(a *Annotation) (problem string) {
	if raw := f["id"]; len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		f["id"] = json.RawMessage(strconv.Quote(string(raw)))
	}
	for _, t := range []struct {
		key  string
		into *string
		max  int
	}{
		{"id", &a.ID, MaxID},
		{"metric", &a.Metric, MaxMetric},
		{"author", &a.Author, MaxAuthor},
		{"text", &a.Text, MaxPayload},
		{"incident", &a.Incident, MaxOf},
	} {
		text, ok := f.text(t.key)
		switch {
		case !ok:
			return t.key + " is not a string"
		case len(text) > t.max:
			return fmt.Sprintf("%s has %d bytes, the limit is %d", t.key, len(text), t.max)
		}
		*t.into = text
	}
	return ""
}

func (f fields) deleted(a *Annotation) (problem string) {
	switch string(f["deleted"]) {
	case "", "null", "false":
		return ""
	case "true":
		a.Deleted = true
	default:
		return "deleted is neither true nor false"
	}
	if a.ID == "" || len(a.ID) > MaxID {
		return "deleted without the id of the annotation to withdraw"
	}
	return ""
}

func (f fields) times(m *event.Message, a *Annotation) (problem string) {
	received, problem := event.ReceivedTime(m)
	a.At = received
	if problem != "" {
		return problem
	}
	for _, t := range []struct {
		key  string
		into *int64
	}{{"time", &a.At}, {"until", &a.Until}} {
		text, ok := f.text(t.key)
		if !ok {
			return t.key + " is not a string with an RFC 3339 time"
		}
		if text == "" && (len(f[t.key]) == 0 || f[t.key][0] == 'n') {
			continue
		}
		at, ok := event.ParseTime(text)
		switch {
		case !ok:
			return fmt.Sprintf("%s, %+.40q, is not an RFC 3339 time such as 2026-03-01T09:30:00Z", t.key, text)
		case at < event.Earliest:
			return t.key + " lies before 1971"
		case at >= latest:
			return t.key + " lies after 2199"
		}
		*t.into = at
	}
	if a.Until != 0 && a.Until < a.At {
		return fmt.Sprintf("until, %s, lies before the annotation's time, %s", rfc3339(a.Until), rfc3339(a.At))
	}
	return ""
}

func rfc3339(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00")
}

func (f fields) kind(a *Annotation) (problem string) {
	text, ok := f.text("kind")
	advice := "write one of " + strings.Join(kinds, ", ")
	switch {
	case !ok:
		return "kind is not a string: " + advice
	case text == "":
		return "kind is missing: " + advice
	case slices.Contains(kinds, text):
		a.Kind = Kind(text)
		return ""
	}
	if near := nearest.Name(text, kinds); near != "" {
		advice = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Sprintf("there is no kind %+.40q: %s", text, advice)
}

func (f fields) title(a *Annotation) (problem string) {
	text, ok := f.text("title")
	switch {
	case !ok:
		return "title is not a string"
	case strings.TrimSpace(text) == "":
		return "title is missing or blank: say in a few words what happened"
	case len(text) > MaxTitle:
		return fmt.Sprintf("title has %d bytes, the limit is %d: put the rest into text", len(text), MaxTitle)
	}
	a.Title = text
	return ""
}

func (f fields) url(a *Annotation) (problem string) {
	text, ok := f.text("url")
	switch {
	case !ok:
		return "url is not a string"
	case text == "":
		return ""
	case len(text) > MaxURL:
		return fmt.Sprintf("url has %d bytes, the limit is %d", len(text), MaxURL)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Sprintf("url, %+.60q, is not an address such as https://example.com/release/7", text)
	}
	a.URL = text
	return ""
}

// expects reads what an action is to bring about. "+0.05" is no number of JSON, and what people write.
func (f fields) expects(a *Annotation) (problem string) {
	text, raw := "", f["expects"]
	switch {
	case a.Incident != "" && a.Kind != Action:
		return "incident stands in an annotation of kind " + string(a.Kind) + ": only an action is about one"
	case len(raw) == 0 || raw[0] == 'n':
		return ""
	case a.Kind != Action:
		return "expects stands in an annotation of kind " + string(a.Kind) + ": only of an action is something expected"
	case a.Metric == "":
		return "expects without a metric: say which metric is to change"
	case raw[0] != '"':
		text = string(raw)
	default:
		text, _ = f.text("expects") // a string, or the whole would be malformed
	}
	share, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	const advice = "write a change of the share of users such as +0.05, which is 5 points"
	switch {
	case err != nil || math.IsNaN(share):
		return fmt.Sprintf("expects, %+.40q, is no number: %s", text, advice)
	case share == 0:
		return "expects is 0: leave it out, or " + advice
	case math.Abs(share) > 1:
		return fmt.Sprintf("expects, %.40s, is no share: %s", text, advice)
	}
	a.Expects = share
	return ""
}
