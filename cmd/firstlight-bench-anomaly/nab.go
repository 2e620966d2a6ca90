package main

// The volume detector on the series of the Numenta Anomaly Benchmark.

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"text/tabwriter"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/volume/nabscore"
)

// nab prints what the detector earns under each profile, where, and how long a point takes.
func nab(w io.Writer) error {
	dir := nabscore.Find()
	if dir == "" {
		fmt.Fprintln(w, "The series of the Numenta Anomaly Benchmark are not at ../shared/data/nab: left out.")
		return nil
	}
	all, err := nabscore.Load(dir)
	if err != nil {
		return err
	}
	points := 0
	for _, s := range all {
		points += len(s.Values)
	}
	started := cputime.Used()
	scored := nabscore.Run(all)
	took := cputime.Used() - started

	fmt.Fprintf(w, "Volume detector, %d series of the Numenta Anomaly Benchmark, %d points, one threshold for all:\n\n", len(all), points)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "profile\tscore\tfound\tfalse alarms\t")
	for _, p := range nabscore.Profiles {
		r := nabscore.Score(scored, p)
		fmt.Fprintf(table, "%s\t%.1f\t%d of %d\t%d\t\n", p.Name, r.Normalized, r.WindowsHit, r.Windows, r.FalseAlarms)
	}
	standard := nabscore.Profiles[0]
	fmt.Fprintf(table, "standard, threshold from another half\t%.1f\t\t\t\n", otherHalf(scored, standard))
	fmt.Fprintln(table, "\t\t\t\t\nfolder, standard profile\tseries\tfound\tfalse alarms\t")
	threshold := nabscore.Threshold(scored, standard)
	for folder := range folders(scored) {
		some := slices.DeleteFunc(slices.Clone(scored), func(s nabscore.Scored) bool { return path.Dir(s.Series.Name) != folder })
		r := nabscore.At(some, standard, threshold)
		fmt.Fprintf(table, "%s\t%d\t%d of %d\t%d\t\n", folder, len(some), r.WindowsHit, r.Windows, r.FalseAlarms)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%.1f µs of processor time per point (aim: 50)\n", took.Seconds()*1e6/float64(points))
	return err
}

// folders yields each folder once, in order.
func folders(scored []nabscore.Scored) func(func(string) bool) {
	return func(yield func(string) bool) {
		last := ""
		for _, s := range scored {
			if folder := path.Dir(s.Series.Name); folder != last {
				if last = folder; !yield(folder) {
					return
				}
			}
		}
	}
}

// splits is into how many pairs of halves the series are dealt.
const splits = 20

// otherHalf is the median score of a half with the threshold that is best for the other half.
func otherHalf(scored []nabscore.Scored, p nabscore.Profile) float64 {
	r := rand.New(rand.NewPCG(1, 2))
	var scores []float64
	for range splits {
		dealt := slices.Clone(scored)
		r.Shuffle(len(dealt), func(i, j int) { dealt[i], dealt[j] = dealt[j], dealt[i] })
		half := len(dealt) / 2
		scores = append(scores, nabscore.At(dealt[half:], p, nabscore.Threshold(dealt[:half], p)).Normalized)
	}
	slices.Sort(scores)
	return (scores[splits/2-1] + scores[splits/2]) / 2
}
