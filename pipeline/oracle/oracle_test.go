package oracle

import (
	"reflect"
	"testing"
	"time"
)

func TestWhere(t *testing.T) {
	e := &event{fields: map[string]any{
		"event": "invite_sent",
		"properties": map[string]any{
			"role": "admin", "n": 3.0, "paid": true, "nothing": nil,
			"team": map[string]any{"size": 12.0},
		},
		"context": nil,
	}}
	for where, want := range map[string]bool{
		`event == "invite_sent"`:                                true,
		`properties.role == 'admin'`:                            true,
		`properties.role != "guest"`:                            true,
		`properties.missing != "guest"`:                         true,
		`properties.missing == "guest"`:                         false,
		`properties.missing == null`:                            true,
		`properties.nothing == null`:                            true,
		`properties.missing.deeper == null`:                     true,
		`context.location.country != "DE"`:                      true,
		`properties.role.deeper != 1`:                           true,
		`properties.role.startsWith("ad")`:                      true,
		`properties.role.startsWith("min")`:                     false,
		`!properties.role.startsWith("min")`:                    true,
		`properties.missing.startsWith("ad")`:                   false,
		`!properties.missing.startsWith("ad")`:                  false,
		`properties.n.startsWith("3")`:                          false,
		`properties.missing < 5`:                                false,
		`properties.missing > 5`:                                false,
		`!(properties.missing < 5)`:                             false,
		`properties.n == 3`:                                     true,
		`properties.n == 3.0`:                                   true,
		`properties.n >= 2.5 && properties.n < 3.5`:             true,
		`properties.n == "3"`:                                   false,
		`properties.n != "3"`:                                   true,
		`properties.role < 5`:                                   false,
		`properties.role > "aaa"`:                               true,
		`properties.paid`:                                       true,
		`!properties.paid`:                                      false,
		`properties.role`:                                       false,
		`properties.team.size > 10`:                             true,
		`properties.n in [1, 3]`:                                true,
		`properties.missing < 5 || properties.n == 3`:           true,
		`properties.n == 3 || properties.missing < 5`:           true,
		`properties.missing < 5 && properties.n == 4`:           false,
		`properties.n == -3 || (properties.n == 3 && true)`:     true,
		`properties.role == "a\"b" || properties.role == "x\\"`: false,
	} {
		x, err := parseExpression(where)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if got := holds(x, e); got != want {
			t.Errorf("%s is %v, want %v", where, got, want)
		}
	}
	for _, bad := range []string{``, `properties.`, `(1 == 1`, `1 == 1 1`, `#`} {
		if _, err := parseExpression(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestLatenessPerPartition: the clock of one partition makes nothing late in another.
func TestLatenessPerPartition(t *testing.T) {
	catalog := `
version: 1
allowed_lateness: 1h
windows: [1d]
cohorts: [{name: signup, entry: signed_up, grain: day}]
metrics: [{name: report, kind: ttfv, cohort: signup, value: report_shared}]
`
	at := func(hour int) time.Time { return time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC) }
	message := func(sequence uint64, subject, user string, hour int) Message {
		return Message{Sequence: sequence, Subject: subject, Stored: at(hour), Data: []byte(`{"event":"signed_up","userId":"` + user + `"}`)}
	}
	msgs := []Message{
		message(1, "events.web.0", "anna", 12), message(2, "events.web.0", "ben", 10), message(3, "events.web.1", "carl", 10),
	}
	partitionOf := func(subject string) int { return int(subject[len(subject)-1] - '0') }
	result, err := Compute([]byte(catalog), msgs, partitionOf, at(12))
	if err != nil {
		t.Fatal(err)
	}
	want := []Account{
		{Partition: 0, Received: 2, Applied: 1, Dead: map[string]uint64{"late": 1}, Letters: map[uint64]string{2: "late"}, ArrivalClock: at(12), Watermark: at(11)},
		{Partition: 1, Received: 1, Applied: 1, Dead: map[string]uint64{}, Letters: map[uint64]string{}, ArrivalClock: at(10), Watermark: at(9)},
	}
	if !reflect.DeepEqual(result.Accounts, want) {
		t.Errorf("got %+v, want %+v", result.Accounts, want)
	}
	if got := len(result.Views["user_progress"]); got != 2 {
		t.Errorf("%d users entered, want anna and carl", got)
	}
}

// TestBuckets: ages of one bucket count at their mean.
func TestBuckets(t *testing.T) {
	b := &batch{bucket: func(ms int64) int { return int(ms / 10_000) }}
	got := b.seconds([]int64{1000, 12_000, 3000, 19_000})
	if want := []float64{2, 15.5, 2, 15.5}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCalendar(t *testing.T) {
	for _, c := range []struct {
		zone, at               string
		hour, day, week, month string // starts
	}{
		{
			"UTC", "2026-03-18T10:20:30Z",
			"2026-03-18T10:00:00Z", "2026-03-18T00:00:00Z", "2026-03-16T00:00:00Z", "2026-03-01T00:00:00Z",
		},
		{ // the last hour before clocks go forward, and the first after
			"Europe/Berlin", "2026-03-29T00:59:59Z",
			"2026-03-29T00:00:00Z", "2026-03-28T23:00:00Z", "2026-03-22T23:00:00Z", "2026-02-28T23:00:00Z",
		},
		{
			"Europe/Berlin", "2026-03-29T22:30:00Z",
			"2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z", "2026-02-28T23:00:00Z",
		},
		{ // midnight of 2026-09-06 does not exist in Chile
			"America/Santiago", "2026-09-06T12:00:00Z",
			"2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z", "2026-08-31T04:00:00Z", "2026-09-01T04:00:00Z",
		},
		{
			"Asia/Kolkata", "2026-03-01T18:29:59Z",
			"2026-03-01T17:30:00Z", "2026-02-28T18:30:00Z", "2026-02-22T18:30:00Z", "2026-02-28T18:30:00Z",
		},
		{
			"America/St_Johns", "2026-01-15T02:00:00Z",
			"2026-01-15T01:30:00Z", "2026-01-14T03:30:00Z", "2026-01-12T03:30:00Z", "2026-01-01T03:30:00Z",
		},
	} {
		cal, err := newCalendar(c.zone, "monday")
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		d := cal.dayOf(at.UnixMilli())
		for want, got := range map[string]int64{
			c.hour: cal.hour(at.UnixMilli()), c.day: cal.start(d),
			c.week: cal.start(cal.week(d)), c.month: cal.start(cal.month(d)),
		} {
			if instant(got).Format(time.RFC3339) != want {
				t.Errorf("%s %s: got a start at %s, want %s", c.zone, c.at, instant(got), want)
			}
		}
	}
}
