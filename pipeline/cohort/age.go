// Package cohort folds users' facts into cells: the counts per cohort, entry hour, age and window that the
// ClickHouse views sum.
//
// Contributions are a pure function of one user's facts; a cell is the sum of the contributions to its key.
// When a user changes, the old contributions are subtracted and the new ones added. The package is pure.
package cohort

import "sort"

// Ages of progress_by_age, in seconds: users see a metric's rate at exactly these ages.
func progressAges() []int64 {
	const day = 86400
	ages := []int64{60, 300, 900, 3600, 4 * 3600, 12 * 3600}
	for d := int64(1); d <= 28; d++ {
		ages = append(ages, d*day)
	}
	for d := int64(35); d <= 5*365; d += 7 {
		ages = append(ages, d*day)
	}
	return ages
}

// AgeEdges are the upper edges of the age buckets in ms, ascending: bucket i holds ages above edge i-1, up to
// and with edge i. Buckets are 1 % wide and at least 1 s, and every age of progress_by_age is an edge.
var AgeEdges = ageEdges()

func ageEdges() []int64 {
	const century = 100 * 365 * 86400 * 1000
	var edges []int64
	exact := progressAges()
	for edge := int64(0); edge < century; {
		edge = max(edge+1000, edge+edge/100)
		for len(exact) > 0 && edge >= exact[0]*1000 {
			edge, exact = exact[0]*1000, exact[1:]
		}
		edges = append(edges, edge)
	}
	return edges
}

// AgeBucket returns the bucket of an age in ms. Ages beyond the last edge share the last bucket.
func AgeBucket(ms int64) uint16 {
	i := sort.Search(len(AgeEdges), func(i int) bool { return AgeEdges[i] >= ms })
	return uint16(min(i, len(AgeEdges)-1))
}
