package stats

// An e-detector: did a stream of evidence begin to say that something changed? (Shin, Ramdas and Rinaldo 2023, "E-detectors: a
// nonparametric framework for sequential change detection".) It takes the logarithm of one e-value per step, which has to be one
// given all steps before it. Then, while nothing changes, an alarm at log c or more comes on average after c steps or later, whatever
// the distribution.

// CUSUM holds the evidence for the most likely change: M = max(M, 1) e, starting from 1 (Page 1954; Lorden 1971).
// The zero value is ready.
type CUSUM struct{ log float64 }

// Step takes the logarithm of an e-value and gives that of the statistic.
func (c *CUSUM) Step(logE float64) float64 {
	c.log = max(c.log, 0) + logE
	return c.log
}
