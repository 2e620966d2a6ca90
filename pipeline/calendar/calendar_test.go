package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func load(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestDayStarts(t *testing.T) {
	for _, tc := range []struct{ why, zone, date, start string }{
		{"plain UTC", "UTC", "2026-03-01", "2026-03-01T00:00:00Z"},
		{"winter day before the clocks change", "Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"},
		{"summer day after it", "Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z"},
		{"midnight is skipped: the day starts at one o'clock", "America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z"},
		{"midnight comes twice: the first counts", "America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},
		{"half-hour zone", "Asia/Kolkata", "2026-01-02", "2026-01-01T18:30:00Z"},
		{"a day that never was has no length", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
		{"and the next starts there", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
	} {
		date, _ := time.Parse(time.DateOnly, tc.date)
		want, _ := time.Parse(time.RFC3339, tc.start)
		c := New(load(t, tc.zone), time.Monday)
		d := FromDate(date.Year(), date.Month(), date.Day())
		if got := time.Unix(c.Start(d), 0).UTC(); !got.Equal(want) {
			t.Errorf("%s: %s %s starts %s, want %s", tc.why, tc.zone, tc.date, got, want)
		}
	}
}

func TestWeeksAndMonths(t *testing.T) {
	d := FromDate(2026, time.March, 4) // a Wednesday
	monday, sunday := New(time.UTC, time.Monday), New(time.UTC, time.Sunday)
	if got := monday.Week(d); got != FromDate(2026, time.March, 2) {
		t.Errorf("Monday week starts %s", got.Time())
	}
	if got := sunday.Week(d); got != FromDate(2026, time.March, 1) {
		t.Errorf("Sunday week starts %s", got.Time())
	}
	if got := sunday.Week(FromDate(2026, time.March, 1)); got != FromDate(2026, time.March, 1) {
		t.Errorf("a Sunday starts its own week, not %s", got.Time())
	}
	first, next := monday.Month(FromDate(2026, time.December, 31))
	if first != FromDate(2026, time.December, 1) || next != FromDate(2027, time.January, 1) {
		t.Errorf("December is %s to %s", first.Time(), next.Time())
	}
}

// TestDaysTile: every instant lies in exactly the day that DayOf names, in zones with hard transitions.
func TestDaysTile(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/Santiago", "America/Havana", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"}
	rapid.Check(t, func(rt *rapid.T) {
		c := New(load(rt, rapid.SampledFrom(zones).Draw(rt, "zone")), time.Monday)
		sec := rapid.Int64Range(365*daySeconds, 80*365*daySeconds).Draw(rt, "sec")
		d := c.DayOf(sec)
		if sec < c.Start(d) || sec >= c.Start(d+1) {
			rt.Fatalf("%d is not in day %s", sec, d.Time())
		}
		h := c.HourOf(sec)
		if sec < h || sec >= h+HourSeconds {
			rt.Fatalf("%d is not in hour %d", sec, h)
		}
	})
}

// TestHoursOfDays: the number of an hour within its day leads back to the hour, in zones with hard transitions.
func TestHoursOfDays(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/Santiago", "America/Havana", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "America/Caracas", "Africa/Monrovia", "Asia/Pyongyang"}
	transitions := []int64{63_593_070, 1_197_183_600, 1_439_564_400, 1_462_086_000, 1_759_590_000, 1_743_865_200, 1_774_746_000, 1_325_239_200}
	rapid.Check(t, func(rt *rapid.T) {
		c := New(load(rt, rapid.SampledFrom(zones).Draw(rt, "zone")), time.Monday)
		sec := rapid.OneOf(rapid.Int64Range(31_536_000, 4_000_000_000), rapid.Custom(func(rt *rapid.T) int64 {
			return rapid.SampledFrom(transitions).Draw(rt, "near") + rapid.Int64Range(-100_000, 100_000).Draw(rt, "by")
		})).Draw(rt, "instant")
		d := c.DayOf(sec)
		i := c.HourIn(d, sec)
		if i < 0 || i >= 32 {
			rt.Fatalf("hour %d of day %s", i, d.Time())
		}
		if got, want := c.HourStart(d, i), c.HourOf(sec); got != want {
			rt.Errorf("hour %d of day %s starts at %d, want %d", i, d.Time().Format(time.DateOnly), got, want)
		}
	})
}
