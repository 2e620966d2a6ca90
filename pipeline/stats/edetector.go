package stats

// E-detectors: when did a stream of evidence begin to say that something changed? (Shin, Ramdas and Rinaldo 2023,
// "E-detectors: a nonparametric framework for sequential change detection".) They take the logarithm of one e-value per
// step, which has to be one given all steps before it. Then, while nothing changes, an alarm at log c or more comes on
// average after c steps or later, whatever the distribution.

import "math"

// ShiryaevRoberts sums the evidence for a change at every step so far: M = (M + 1) e, starting from 0 (Shiryaev 1963;
// Roberts 1966). The zero value is ready.
type ShiryaevRoberts struct {
	steps int
	log   float64
}

// Step takes the logarithm of an e-value and gives that of the statistic.
func (s *ShiryaevRoberts) Step(logE float64) float64 {
	if s.steps == 0 {
		s.log = math.Inf(-1)
	}
	s.steps++
	s.log = logAdd(0, s.log) + logE
	return s.log
}

// CUSUM holds the evidence for the most likely change: M = max(M, 1) e, starting from 1 (Page 1954; Lorden 1971).
// The zero value is ready.
type CUSUM struct {
	steps, since int
	log          float64
}

// Step takes the logarithm of an e-value and gives that of the statistic.
func (c *CUSUM) Step(logE float64) float64 {
	if c.steps == 0 || c.log <= 0 {
		c.log, c.since = 0, c.steps
	}
	c.steps++
	c.log += logE
	return c.log
}

// Since is the step (from 0) at which the most likely change began.
func (c *CUSUM) Since() int { return c.since }

// Mixture follows several alternatives at once: the average of their Shiryaev-Roberts statistics, again an e-detector.
// It reacts to the strongest without a penalty for not having known which that would be.
type Mixture struct {
	sums  []ShiryaevRoberts
	peaks []CUSUM
	logs  []float64
}

// NewMixture returns a detector for so many alternatives.
func NewMixture(alternatives int) *Mixture {
	return &Mixture{
		sums:  make([]ShiryaevRoberts, alternatives),
		peaks: make([]CUSUM, alternatives),
		logs:  make([]float64, alternatives),
	}
}

// Step takes the logarithm of one e-value for each alternative and gives that of the statistic.
func (m *Mixture) Step(logEs []float64) float64 {
	for i, logE := range logEs {
		m.logs[i] = m.sums[i].Step(logE)
		m.peaks[i].Step(logE)
	}
	return LogMean(m.logs)
}

// Leader is the alternative with the most evidence, and the step (from 0) since which that has grown: the
// estimated change.
func (m *Mixture) Leader() (alternative, since int) {
	for i, log := range m.logs {
		if log > m.logs[alternative] {
			alternative = i
		}
	}
	if len(m.peaks) == 0 {
		return 0, 0
	}
	return alternative, m.peaks[alternative].Since()
}
