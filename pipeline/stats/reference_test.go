package stats

// Published values that the other tests hold copies of, from the file they were copied from.

import (
	"math"
	"testing"
)

func TestSharedReferenceValues(t *testing.T) {
	refs := references(t, "..", "..", "..", "shared", "data", "reference_values.json")
	var quiet struct{ Lam []float64 }
	var want []float64
	refs["poisson_silence"].decode(t, &quiet, &want)
	for i, lambda := range quiet.Lam {
		near(t, "silence", math.Exp(SilenceLogP(lambda, 0)), want[i], 1e-12)
	}
	var unsure struct{ Cases [][3]float64 }
	refs["negbin_silence"].decode(t, &unsure, &want)
	for i, c := range unsure.Cases {
		near(t, "silence", math.Exp(posteriorSilence(c[0], c[1], c[2])), want[i], 1e-12)
	}

	var table [][7]float64
	var patients survival
	refs["km_6mp_table"].decode(t, &patients, &table)
	curve := patients.curve()
	for i, row := range table {
		d := curve.Drops[i]
		got := [5]float64{d.Age, d.AtRisk, d.Events, d.S, math.Sqrt(d.Variance)}
		for column, value := range got {
			near(t, "6-MP", value, row[column], 0.0006)
		}
	}
}
