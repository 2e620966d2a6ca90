package anomaly

import (
	"math"
	"slices"

	"firstlight/pipeline/stats"
)

// Which value of a segment stands out: the one for which it is likeliest that its users lost a share of their successes, whatever
// happened to all users alike. Few users say little of how much was lost and of what happened to all, so both are averaged over, by how
// likely they make the counts; the best fit alone would go to the value that chance moved most.

// keeps are the shares of successes (of failures, for a rise) that a value may be left with, each as likely as the others.
var keeps = []float64{0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95}

// shifts are what may have happened to the log odds of all, with their weights: about normal, standard deviation 0.5.
var shifts = func() (all []struct{ logOdds, log float64 }) {
	total := 0.0
	for z := -2.0; z <= 2; z += 0.5 {
		all = append(all, struct{ logOdds, log float64 }{z / 2, -z * z / 2})
		total += math.Exp(-z * z / 2)
	}
	for i := range all {
		all[i].log -= math.Log(total)
	}
	return all
}()

// priorUsers is how many users the rate of all others counts as in the rate that a value had before.
const priorUsers = 3

// standout is, for each value, the logarithm of how much likelier the counts after are if it changed apart from all others than if nothing
// did.
func standout(parts []stats.Part, falls bool) []float64 {
	var whole stats.Count
	for _, p := range parts {
		whole = plus(whole, p.Before, 1)
	}
	pooled := (float64(whole.K) + 0.5) / float64(whole.N+1)
	together := make([]float64, len(shifts)) // by shift: all values changed alike
	apart := make([][]float64, len(parts))   // by value and shift: how much that value gains from having changed apart
	unchanged := 0.0
	for i, p := range parts {
		before := (float64(p.Before.K) + priorUsers*pooled) / float64(p.Before.N+priorUsers)
		odds := math.Log(before / (1 - before))
		unchanged += likelihoodAt(p.After, odds)
		apart[i] = make([]float64, len(shifts))
		for s := range shifts {
			as := likelihoodAt(p.After, odds+shifts[s].logOdds)
			together[s] += as
			left := make([]float64, len(keeps))
			for k, keep := range keeps {
				rate := keep * chance(odds+shifts[s].logOdds)
				if !falls {
					rate = 1 - keep*chance(-odds-shifts[s].logOdds)
				}
				left[k] = likelihoodAt(p.After, math.Log(rate/(1-rate)))
			}
			apart[i][s] = logSum(left) - math.Log(float64(len(keeps))) - as
		}
	}
	all := make([]float64, len(parts))
	for i := range parts {
		logs := make([]float64, len(shifts))
		for s := range shifts {
			logs[s] = shifts[s].log + together[s] + apart[i][s]
		}
		all[i] = logSum(logs) - unchanged
	}
	return all
}

// logSum is the logarithm of the sum of what the logarithms stand for.
func logSum(logs []float64) float64 {
	most := slices.Max(logs)
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum)
}
