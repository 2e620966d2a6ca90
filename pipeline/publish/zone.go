package publish

// Times as exports of tables hold them: without an offset, or with one that RFC 3339 does not know.

import (
	"fmt"
	"time"

	"github.com/tidwall/gjson"
)

// The layouts of times without an offset, and of those with one in another spelling than RFC 3339's.
var (
	localLayouts = []string{
		"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02", "2006/01/02 15:04:05",
	}
	offsetLayouts = []string{
		"2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05-0700", "2006-01-02 15:04:05 -0700",
		"2006-01-02 15:04:05 -07:00", "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05-07", "2006-01-02 15:04:05 -0700 UTC",
	}
)

const rfc3339Digits = "2006-01-02T15:04:05.999999999Z07:00"

// withOffsets returns a well-formed event whose times have the offset of a zone where they had none.
func withOffsets(data []byte, zone *time.Location) []byte {
	out, copied := []byte(nil), 0
	eachTime(data, func(_ string, value gjson.Result) {
		text, ok := withOffset(value.Str, zone)
		if !ok {
			return
		}
		out = append(append(out, data[copied:value.Index]...), `"`+text+`"`...)
		copied = value.Index + len(value.Raw)
	})
	if copied == 0 {
		return data
	}
	return append(out, data[copied:]...)
}

// withOffset reads a time as RFC 3339 has it, and reports false when it needs no zone for that, or is none.
func withOffset(text string, zone *time.Location) (string, bool) {
	for _, layout := range localLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return local(t, zone).Format(rfc3339Digits), true
		}
	}
	for _, layout := range offsetLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(rfc3339Digits), true
		}
	}
	return "", false
}

// local returns the moment at which clocks in a zone show what wall shows in UTC. Of two such moments it is the first; where
// clocks were put forward over it, they are taken as if they had not been yet, as the clients of most databases do.
func local(wall time.Time, zone *time.Location) time.Time {
	guess := wall.In(zone)
	start, end := guess.ZoneBounds()
	offsets := []int{offset(guess)}
	if !start.IsZero() {
		offsets = append(offsets, offset(start.Add(-1).In(zone)))
	}
	if !end.IsZero() {
		offsets = append(offsets, offset(end.In(zone)))
	}
	var first, latest time.Time
	for _, o := range offsets {
		t := wall.Add(-time.Duration(o) * time.Second).In(zone)
		if offset(t) == o && (first.IsZero() || t.Before(first)) {
			first = t
		}
		if latest.IsZero() || t.After(latest) {
			latest = t
		}
	}
	if first.IsZero() {
		return latest // by the offset before clocks went forward
	}
	return first
}

func offset(t time.Time) int {
	_, seconds := t.Zone()
	return seconds
}

// lacksOffset says what to do about the first time of a well-formed event that --zone would read; it is empty when there
// is none.
func lacksOffset(data []byte) (advice string) {
	eachTime(data, func(field string, value gjson.Result) {
		if _, ok := withOffset(value.Str, time.UTC); ok && advice == "" {
			advice = fmt.Sprintf("%s, %+.40q, has no offset from UTC: add --zone with the zone that it is in, such as --zone UTC or --zone Europe/Berlin",
				field, value.Str)
		}
	})
	return advice
}

// eachTime calls visit for the texts of an event that are times, in order.
func eachTime(data []byte, visit func(field string, value gjson.Result)) {
	event := gjson.ParseBytes(data)
	cloud := false
	event.ForEach(func(key, _ gjson.Result) bool {
		cloud = cloud || key.Str == "specversion"
		return true
	})
	event.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "timestamp", "originalTimestamp", "sentAt":
			if cloud {
				return true
			}
		case "time":
			if !cloud {
				return true
			}
		case "receivedAt":
		default:
			return true
		}
		if value.Type == gjson.String {
			visit(key.Str, value)
		}
		return true
	})
}
