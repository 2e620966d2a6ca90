package facts_test

import (
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/calendar"
)

// TestBookCounts: a book says of each hour what was added and taken back, however alike its days are, and is one that is read from outside.
func TestBookCounts(t *testing.T) {
	joiner := newUser(loadLaw(t, "1h, 1d")).joiner
	rapid.Check(t, func(t *rapid.T) {
		const days, first = 40, calendar.Day(20_000)
		book := joiner.NewBook()
		var want [days][25]int
		regular := rapid.SliceOfDistinct(rapid.IntRange(0, 24), rapid.ID[int]).Draw(t, "hours of all days")
		add := func(day, hour, n int) {
			book.Add(first+calendar.Day(day), hour, n)
			want[day][hour] += n
		}
		for day := range rapid.IntRange(0, days).Draw(t, "days") {
			for _, hour := range regular {
				add(day, hour, 1)
			}
		}
		for range rapid.IntRange(0, 30).Draw(t, "more") {
			day, hour := rapid.IntRange(0, days-1).Draw(t, "day"), rapid.IntRange(0, 24).Draw(t, "hour")
			if n := rapid.IntRange(-3, 200).Draw(t, "n"); want[day][hour]+n >= 0 && n != 0 {
				add(day, hour, n)
			}
		}
		var got [days][25]int
		for _, d := range book.Days(nil, first, first+days) {
			for hour := range got[0] {
				got[d.Day-first][hour] = int(d.At(hour))
			}
		}
		if got != want || !book.Valid() {
			t.Fatalf("the book says (valid: %v)\n%v\nwant\n%v", book.Valid(), got, want)
		}
	})
}
