package soak

import (
	"strings"
	"testing"
)

func TestGrowthIsWrong(t *testing.T) {
	worker := func(memory, goroutines, files float64) *Result {
		return &Result{Workers: []Growth{{Worker: "worker 1", Of: map[string]Span{
			Resident: {200 << 20, memory}, Goroutines: {80, goroutines}, Files: {30, files},
		}}}}
	}
	for _, c := range []struct {
		of   *Result
		want string
	}{
		{worker(210<<20, 82, 31), ""},
		{worker(150<<20, 60, 20), ""},
		{worker(230<<20, 80, 30), Resident},
		{worker(200<<20, 90, 30), Goroutines},
		{worker(200<<20, 80, 40), Files},
	} {
		wrong := c.of.Wrong()
		if len(wrong) == 0 && c.want == "" {
			continue
		}
		if len(wrong) != 1 || c.want == "" || !strings.Contains(wrong[0], c.want) {
			t.Errorf("it says %q, want %q", wrong, c.want)
		}
	}
}
