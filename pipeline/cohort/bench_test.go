package cohort_test

import (
	"math/rand/v2"
	"testing"

	"firstlight/pipeline/cohort"
)

// counted are the contributions of users, ten each, to cells of thirty days of hours.
func counted(users int) [][]cohort.Contribution {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([][]cohort.Contribution, users)
	for u := range all {
		hour := r.Int64N(720) * 3600
		for i := range uint32(5) {
			reach := cohort.Key{Kind: cohort.Reach, Name: i, Bucket: hour}
			window := cohort.Key{Kind: cohort.Window, Name: i, Bucket: hour + r.Int64N(48)*3600}
			all[u] = append(all[u], cohort.Contribution{Key: reach, Counts: cohort.Counts{N: 1}, Age: r.Int64N(7 * 86_400_000)},
				cohort.Contribution{Key: window, Counts: cohort.Counts{N: 3, Active: 1, Adopters: 1}})
		}
	}
	return all
}

// BenchmarkCellsLoad is what a contribution costs that is added to the cells of 50,000 users.
func BenchmarkCellsLoad(b *testing.B) {
	users := counted(50_000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		cells := cohort.NewCells()
		for _, u := range users {
			cells.Load(u)
			n += len(u)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/contribution")
}

// BenchmarkCellsChange is what it costs to move a user by one of its contributions, and to write the cells now and then.
func BenchmarkCellsChange(b *testing.B) {
	users := counted(50_000)
	cells := cohort.NewCells()
	for _, u := range users {
		cells.Load(u)
	}
	u := 0
	for b.Loop() {
		before := users[u%len(users)]
		cells.Change(before, before[1:])
		cells.Change(before[1:], before)
		if u++; u%1000 == 0 {
			cells.Take(func(cohort.Key, *cohort.Cell) {})
		}
	}
}

// BenchmarkAgeBucket is what finding the bucket of an age costs.
func BenchmarkAgeBucket(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	ages := make([]int64, 1<<12)
	for i := range ages {
		ages[i] = r.Int64N(30 * 86_400_000)
	}
	sum, i := 0, 0
	for b.Loop() {
		sum += int(cohort.AgeBucket(ages[i%len(ages)]))
		i++
	}
	if sum == 0 {
		b.Fatal("all ages are in the first bucket")
	}
}
