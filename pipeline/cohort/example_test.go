package cohort_test

import (
	"fmt"

	"firstlight/pipeline/cohort"
)

// A bucket holds the ages up to and with its edge; every age at which progress is shown is an edge.
func ExampleAgeBucket() {
	hour := int64(3600_000)
	fmt.Println(cohort.AgeEdges[cohort.AgeBucket(hour)] == hour)
	fmt.Println(cohort.AgeBucket(hour) < cohort.AgeBucket(hour+1))
	// Output:
	// true
	// true
}
