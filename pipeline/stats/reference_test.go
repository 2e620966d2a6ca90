package stats

// Published values that the other tests hold copies of, from the file they were copied from.

import (
	"math"
	"testing"
)

func TestSharedReferenceValues(t *testing.T) {
	refs := references(t, "..", "..", "..", "shared", "data", "reference_values.json")
	for _, id := range []string{"poisson_exact_0", "poisson_exact_1", "poisson_exact_10", "poisson_exact_100"} {
		var in struct{ K int }
		var want [2]float64
		refs[id].decode(t, &in, &want)
		low, high := PoissonInterval(in.K, 0.95)
		near(t, id, low, want[0], 1e-7)
		near(t, id, high, want[1], 1e-7)
	}
	for _, id := range []string{"evalue_75_412_p0.249_a0.5", "evalue_100_412_p0.249_a0.5"} {
		var in struct {
			K, N     int
			P0, A, B float64
		}
		var want float64
		refs[id].decode(t, &in, &want)
		nearly(t, id, math.Exp(KnownRateLogE(Count{in.K, in.N}, in.P0, in.A, in.B)), want, 1e-9)
	}

	var quiet struct{ Lam []float64 }
	var want []float64
	refs["poisson_silence"].decode(t, &quiet, &want)
	for i, lambda := range quiet.Lam {
		near(t, "silence", math.Exp(SilenceLogP(lambda, 0)), want[i], 1e-12)
	}
	var unsure struct{ Cases [][3]float64 }
	refs["negbin_silence"].decode(t, &unsure, &want)
	for i, c := range unsure.Cases {
		g := GammaPosterior(c[0], c[1], c[2])
		near(t, "silence", math.Exp(SilenceLogP(g.Mean, g.Dispersion)), want[i], 1e-12)
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

	var shifts [][2]float64
	refs["cusum_arl_k05_h4_two"].decode(t, &struct{}{}, &shifts)
	for _, s := range shifts {
		if s[0] <= 2 {
			nearly(t, "run length", CUSUMRunLength(0.5, 4, s[0]), s[1], 0.05)
		}
	}
}
