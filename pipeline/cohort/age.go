// Package cohort folds users' facts into cells: the counts per cohort, entry hour, age and window that the
// ClickHouse views sum.
//
// Contributions are a pure function of one user's facts; a cell is the sum of the contributions to its key.
// When a user changes, the old contributions are subtracted and the new ones added. The package is pure.
package cohort

import "math/bits"

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
	if ms <= 0 {
		return 0
	}
	class := ageClass(uint64(ms))
	from, to := int(ageClasses[class]), int(ageClasses[class+1])
	for from < to {
		if middle := (from + to) / 2; AgeEdges[middle] >= ms {
			to = middle
		} else {
			from = middle + 1
		}
	}
	return uint16(min(from, len(AgeEdges)-1))
}

// ageClassBits are the bits behind the highest one that tell classes of ages apart: a class holds few edges.
const ageClassBits = 4

func ageClass(ms uint64) int {
	n := bits.Len64(ms)
	return n<<ageClassBits | int(ms<<(64-n)>>(63-ageClassBits))&(1<<ageClassBits-1)
}

// ageClasses are the buckets of the least age of each class: that of an age is between its class's and the next one's.
var ageClasses = func() (buckets [64<<ageClassBits + 1]uint16) {
	class := 0
	for i, e := range AgeEdges {
		for ; class <= ageClass(uint64(e)); class++ {
			buckets[class] = uint16(i)
		}
	}
	for ; class < len(buckets); class++ {
		buckets[class] = uint16(len(AgeEdges))
	}
	return buckets
}()
