package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTime(t *testing.T) {
	tests := []struct{ text, want string }{ // want is empty when text is no RFC 3339 time
		{"2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"},
		{"2026-03-01T09:30:00.1Z", "2026-03-01T09:30:00.1Z"},
		{"2026-03-01T09:30:00.123Z", "2026-03-01T09:30:00.123Z"},              // JavaScript
		{"2026-03-01T09:30:00.123456+00:00", "2026-03-01T09:30:00.123Z"},      // Python
		{"2026-03-01T09:30:00.123999999Z", "2026-03-01T09:30:00.123Z"},        // Java, Go
		{"2026-03-01T09:30:00.1239999999999999Z", "2026-03-01T09:30:00.123Z"}, // any number of digits
		{"2026-03-01 09:30:00+00:00", "2026-03-01T09:30:00Z"},                 // Python, str()
		{"2026-03-01t09:30:00z", "2026-03-01T09:30:00Z"},
		{"2026-03-01T09:30:00+05:30", "2026-03-01T04:00:00Z"},
		{"2026-03-01T00:30:00+14:00", "2026-02-28T10:30:00Z"},
		{"2026-03-01T23:30:00-12:00", "2026-03-02T11:30:00Z"},
		{"2026-03-01T09:30:00-00:00", "2026-03-01T09:30:00Z"},
		{"2026-03-01T09:30:00+23:59", "2026-02-28T09:31:00Z"},
		{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"}, // cut, not rounded to zero
		{"0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"}, // a leap second
		{"2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.25Z"},
		{"2016-12-31t18:59:60.25-05:00", "2017-01-01T00:00:00.25Z"},

		{"", ""},
		{"2026-03-01", ""},
		{"2026-03-01T09:30Z", ""},        // seconds are required
		{"2026-03-01T09:30:00", ""},      // and so is the offset
		{"2026-03-01T09:30:00+0000", ""}, // with a colon
		{"2026-03-01T09:30:00+00", ""},
		{"2026-03-01T09:30:00,123Z", ""}, // ISO 8601, not RFC 3339
		{"2026-03-01T09:30:00.Z", ""},
		{"2026-03-01T9:30:00Z", ""},
		{"20260301T093000Z", ""},
		{"2026-02-29T00:00:00Z", ""},
		{"2026-13-01T00:00:00Z", ""},
		{"2026-00-01T00:00:00Z", ""},
		{"2026-03-32T00:00:00Z", ""},
		{"2026-03-01T24:00:00Z", ""},
		{"2026-03-01T09:60:00Z", ""},
		{"2026-03-01T09:30:61Z", ""},
		{"2026-03-01T09:30:60Z", ""}, // leap seconds end a UTC month
		{"2026-03-01T23:59:60Z", ""},
		{"2016-12-31T23:59:60+01:00", ""},
		{"2016-12-31T23:59:59z ", ""},
		{"2026-03-01T09:30:00+24:00", ""},
		{"2026-03-01T09:30:00+01:60", ""},
		{"+002026-03-01T09:30:00Z", ""},
		{" 2026-03-01T09:30:00Z", ""},
		{"2026-03-01T09:30:00Z ", ""},
		{"2026-03-01  09:30:00Z", ""},
		{"2026-03-01_09:30:00Z", ""},
		{"Sun, 01 Mar 2026 09:30:00 GMT", ""},
		{"1772357400", ""},
		{"２026-03-01T09:30:00Z", ""},
		{"2026-03-01ı09:30:00ı:60ıııı", ""},
	}
	for _, tt := range tests {
		got, ok := parseTime([]byte(tt.text))
		switch {
		case tt.want == "" && ok:
			t.Errorf("%q is read as %s, want it refused", tt.text, time.UnixMilli(got).UTC())
		case tt.want != "" && !ok:
			t.Errorf("%q is refused, want %s", tt.text, tt.want)
		case tt.want != "" && got != ms(tt.want):
			t.Errorf("%q is %s, want %s", tt.text, time.UnixMilli(got).UTC(), tt.want)
		}
	}
}

func TestReceivedTime(t *testing.T) {
	const name = ReceivedHeader
	at := "2020-05-05T05:05:05.005Z"
	tests := []struct {
		rule    string
		header  map[string][]string
		want    int64
		outcome string
	}{
		{"no header", nil, stored, "accepted"},
		{"other headers", map[string][]string{"Nats-Msg-Id": {"web:1"}}, stored, "accepted"},
		{"an earlier time", map[string][]string{name: {at}}, ms(at), "accepted"},
		{"a later time", map[string][]string{name: {"2030-01-01T00:00:00Z"}}, stored, "accepted"},
		{"an offset", map[string][]string{name: {"2020-05-05T07:05:05.0059+02:00"}}, ms(at), "accepted"},
		{"another spelling", map[string][]string{"firstlight-received-at": {at}}, ms(at), "accepted"},
		{"two spellings", map[string][]string{"FIRSTLIGHT-RECEIVED-AT": {"x"}, name: {at}}, ms(at), "accepted"},
		{"two other spellings", map[string][]string{"FIRSTLIGHT-RECEIVED-AT": {at}, "firstlight-received-at": {"x"}}, ms(at), "accepted"},
		{"two values", map[string][]string{name: {at, "x"}}, ms(at), "accepted"},
		{"unreadable", map[string][]string{name: {"yesterday"}}, stored, "bad_timestamp"},
		{"empty", map[string][]string{name: {""}}, stored, "bad_timestamp"},
		{"no value", map[string][]string{name: {}}, stored, "bad_timestamp"},
		{"before 1971 it cannot move a clock", map[string][]string{name: {"1970-12-31T23:59:59Z"}}, 0, "bad_timestamp"},
		{"the first moment of 1971", map[string][]string{name: {"1971-01-01T00:00:00Z"}}, ms("1971-01-01T00:00:00Z"), "accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			var ev Event
			r := Parse(&Message{Header: tt.header, Stored: stored, Data: []byte(`{"event":"opened","userId":"ann"}`)}, false, &ev)
			if outcome(r) != tt.outcome || r.Received != tt.want {
				t.Errorf("%s at %d, want %s at %d", outcome(r), r.Received, tt.outcome, tt.want)
			}
			if r.Verdict == Accepted && (ev.Received != tt.want || ev.Time != tt.want) {
				t.Errorf("event received %d, at %d; want both %d", ev.Received, ev.Time, tt.want)
			}
			none := tt.rule == "no header" || tt.rule == "other headers"
			if live := (&Message{Header: tt.header, Stored: stored}).Live(); live != none {
				t.Errorf("that it came live is %t, want %t", live, none)
			}
			// A header moves the clock whatever becomes of the body, and other reasons come first.
			r = Parse(&Message{Header: tt.header, Stored: stored, Data: []byte(`{`)}, false, &ev)
			if outcome(r) != "malformed" || r.Received != tt.want {
				t.Errorf("%s at %d, want malformed at %d", outcome(r), r.Received, tt.want)
			}
		})
	}
}

func TestEventTime(t *testing.T) {
	tests := []struct {
		rule, timestamp, sentAt, want string // of a message received at 10:00:00 on 2026-03-01
		clamped                       bool
	}{
		{"without a timestamp: the received time", "", "", "2026-03-01T10:00:00Z", false},
		{"without a timestamp sentAt says nothing", "", "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", false},
		{"the timestamp", "2026-03-01T09:30:00.123Z", "", "2026-03-01T09:30:00.123Z", false},
		{"60 s of skew need no correction", "2026-03-01T09:30:00Z", "2026-03-01T09:59:00Z", "2026-03-01T09:30:00Z", false},
		{"a clock that is slow by more is corrected", "2026-03-01T09:30:00Z", "2026-03-01T09:58:59.999Z", "2026-03-01T09:31:00.001Z", false},
		{"60 s ahead need no correction", "2026-03-01T09:30:00Z", "2026-03-01T10:01:00Z", "2026-03-01T09:30:00Z", false},
		{"a clock that is fast by more is corrected", "2026-03-01T09:30:00Z", "2026-03-01T10:01:00.001Z", "2026-03-01T09:28:59.999Z", false},
		{"a clock that is years slow", "2001-01-01T00:00:10Z", "2001-01-01T00:00:20Z", "2026-03-01T09:59:50Z", false},
		{"a sentAt of 1970 is no clock", "2026-03-01T09:30:00Z", "1970-01-01T00:00:00Z", "2026-03-01T09:30:00Z", false},
		{"a bad sentAt", "2026-03-01T09:30:00Z", "2026-03-01", "2026-03-01T09:30:00Z", false},
		{"60 s after received", "2026-03-01T10:01:00Z", "", "2026-03-01T10:01:00Z", false},
		{"later than that is clamped", "2026-03-01T10:01:00.001Z", "", "2026-03-01T10:00:00Z", true},
		{"the far future is clamped", "9999-12-31T23:59:59.999Z", "", "2026-03-01T10:00:00Z", true},
		{"clamped after correction", "2026-03-01T09:59:00Z", "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", true},
		{"corrected out of the future", "2027-03-01T09:59:00Z", "2027-03-01T10:00:00Z", "2026-03-01T09:59:00Z", false},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			body := `{"event":"opened","userId":"ann"`
			if tt.timestamp != "" {
				body += `,"timestamp":"` + tt.timestamp + `"`
			}
			if tt.sentAt != "" {
				body += `,"sentAt":"` + tt.sentAt + `"`
			}
			ev, r := judge(body+`}`, false)
			if r.Verdict != Accepted {
				t.Fatalf("%s: %s", outcome(r), r.Detail)
			}
			if ev.Time != ms(tt.want) || ev.Clamped != tt.clamped {
				t.Errorf("at %s, clamped %v; want %s, %v", time.UnixMilli(ev.Time).UTC(), ev.Clamped, tt.want, tt.clamped)
			}
		})
	}
}

// TestEventTimeLaws: a device's clock may be off by any amount. What it sends is the true time plus that amount.
func TestEventTimeLaws(t *testing.T) {
	const hour = 3_600_000
	rapid.Check(t, func(t *rapid.T) {
		received := rapid.Int64Range(ms("1990-01-01T00:00:00Z"), ms("2060-01-01T00:00:00Z")).Draw(t, "received")
		latency := rapid.Int64Range(0, 50_000).Draw(t, "latency")
		age := rapid.Int64Range(0, 100*hour).Draw(t, "age when sent")
		off := rapid.OneOf(rapid.Int64Range(-70_000, 70_000), rapid.Int64Range(-10*365*24*hour, 10*365*24*hour)).Draw(t, "off")
		sent := received - latency
		happened := sent - age

		format := func(ms int64) string {
			zone := time.FixedZone("", rapid.IntRange(-23*60, 23*60).Draw(t, "zone")*60)
			return time.UnixMilli(ms).In(zone).Format("2006-01-02T15:04:05.000Z07:00")
		}
		body := fmt.Sprintf(`{"event":"e","userId":"u","timestamp":"%s","sentAt":"%s"}`, format(happened+off), format(sent+off))
		var ev Event
		if r := Parse(&Message{Stored: received, Data: []byte(body)}, false, &ev); r.Verdict != Accepted {
			t.Fatalf("%s: %s", body, r.Detail)
		}

		corrected := latency-off > skewLimit || latency-off < -skewLimit
		want := happened + off
		if corrected {
			want = happened + latency // the delivery is all that is left of the error
		}
		clamped := want > received+skewLimit
		if clamped {
			want = received
		}
		if ev.Time != want || ev.Clamped != clamped {
			t.Fatalf("%s received at %d: at %d, clamped %v; want %d, %v", body, received, ev.Time, ev.Clamped, want, clamped)
		}
		if corrected && clamped {
			t.Fatalf("an event corrected for skew cannot lie in the future")
		}
	})
}

// TestCutting: digits below the millisecond never change a time, also before 1970.
func TestCutting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(ms("0001-01-01T00:00:00Z"), ms("9999-12-31T23:59:59Z")).Draw(t, "ms")
		digits := rapid.StringMatching(`[0-9]{0,12}`).Draw(t, "digits")
		text := time.UnixMilli(want).UTC().Format("2006-01-02T15:04:05.000") + digits + "Z"
		if got, ok := parseTime([]byte(text)); !ok || got != want {
			t.Fatalf("%s is %d, %v; want %d", text, got, ok, want)
		}
	})
}

// The archives of Segment and RudderStack hold events whose timestamp a server has freed of the device's clock skew.
func TestArchivesAreNotCorrectedTwice(t *testing.T) {
	data, err := os.ReadFile("testdata/segment_archive_clock_skew.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range bytes.Lines(data) {
		lines++
		var written struct{ Timestamp, OriginalTimestamp, ReceivedAt, SentAt string }
		if err := json.Unmarshal(line, &written); err != nil {
			t.Fatal(err)
		}
		at := func(original, timestamp string) int64 {
			body := map[string]any{"event": "e", "userId": "u", "sentAt": written.SentAt}
			if original != "" {
				body["originalTimestamp"] = original
			}
			if timestamp != "" {
				body["timestamp"] = timestamp
			}
			text, _ := json.Marshal(body)
			var ev Event
			r := Parse(&Message{Stored: ms("2026-04-01T00:00:00Z"), Header: map[string][]string{ReceivedHeader: {written.ReceivedAt}}, Data: text}, false, &ev)
			if r.Verdict != Accepted {
				t.Fatalf("%s: %s", text, r.Detail)
			}
			return ev.Time
		}
		want := ms(written.Timestamp)
		if got := at(written.OriginalTimestamp, written.Timestamp); got != want {
			t.Errorf("%s is read as %s", line, time.UnixMilli(got).UTC())
		}
		// What the device sent, corrected here, differs from the server's correction by the way to the server.
		skewed := ms(written.ReceivedAt) - ms(written.SentAt)
		if skewed < -skewLimit || skewed > skewLimit {
			if got := at(written.OriginalTimestamp, ""); got < want-2000 || got > want+2000 {
				t.Errorf("%s: the device's own time is read as %s", line, time.UnixMilli(got).UTC())
			}
		}
	}
	if lines != 14 {
		t.Fatalf("%d lines", lines)
	}
}
