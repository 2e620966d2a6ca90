package main

// The volume detector on the series of the Numenta Anomaly Benchmark.

import (
	"fmt"
	"io"
	"path"
	"slices"
	"text/tabwriter"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/volume"
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
	drawn := candidates(all)
	validated := crossValidate(all, drawn)

	fmt.Fprintf(w, "Volume detector, %d series of the Numenta Anomaly Benchmark, %d points, standard profile. All parameters chosen by one half of the\n", len(all), points)
	fmt.Fprintf(w, "series and scored on the other, both ways, %d splits, %d candidates: %.1f in the mean, median %.1f, from %.1f to %.1f.\n\n",
		splits, len(drawn), mean(validated), middle(validated), slices.Min(validated), slices.Max(validated))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "all series, the parameters as they are\tscore\tfound\tfalse alarms\t")
	line := func(name string, r nabscore.Result) {
		fmt.Fprintf(table, "%s\t%.1f\t%d of %d\t%d\t\n", name, r.Normalized, r.WindowsHit, r.Windows, r.FalseAlarms)
	}
	for _, p := range nabscore.Profiles {
		line(p.Name, nabscore.At(scored, p, alarm))
	}
	for _, moved := range []float64{0.97, 1.03} {
		p := volume.Chosen
		p.Begin *= volume.Relative(moved * alarm)
		line(fmt.Sprintf("standard, threshold %+.0f %%", 100*(moved-1)), nabscore.At(nabscore.RunWith(all, &p), standard, alarm))
	}
	p := fit(all, drawn, positions(len(all)))
	line("standard, parameters chosen by all series", nabscore.At(nabscore.RunWith(all, &p), standard, alarm))
	fmt.Fprintln(table, "\t\t\t\t\nfolder, standard profile\tseries\tfound\tfalse alarms\t")
	for folder := range folders(scored) {
		some := slices.DeleteFunc(slices.Clone(scored), func(s nabscore.Scored) bool { return path.Dir(s.Series.Name) != folder })
		r := nabscore.At(some, standard, alarm)
		fmt.Fprintf(table, "%s\t%d\t%d of %d\t%d\t\n", folder, len(some), r.WindowsHit, r.Windows, r.FalseAlarms)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nChosen by all series: %+v\n\n%.1f µs of processor time per point (aim: 10)\n", p, took.Seconds()*1e6/float64(points))
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

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

func middle(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(v)-1)/2] + sorted[len(v)/2]) / 2
}
