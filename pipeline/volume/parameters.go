package volume

// Parameters are what could be otherwise, the same for every series.
type Parameters struct {
	History int // values of each statistic that are remembered
	WarmUp  int // values it takes before the rarest of them mean anything
	Local   int // newest values whose median is the level here and now, at least 20
	Short   int // values whose mean is watched, for what no single value shows: at least 2
	Long    int // the same of a long run, at least as many

	Suspect    float64 // rarity from which on it is worth asking whether other days were the same
	UsualShare float64 // of an extreme: what was there at the same time on UsualDays others, and on half of those known, is no news
	UsualDays  int

	// TailShare is the share of values from which the tail is extrapolated. It weighs the error of the extrapolation, which grows with the
	// share, against the noise of the few.
	TailShare     float64
	PriorExponent float64 // of the power law, before there is anything to estimate it from
	PriorWeight   float64 // extremes that this counts as

	// Begin is the rarity at which an alarm begins, times the root of the points seen: between a fixed rarity (ever more false alarms the
	// longer a series) and one divided by the points (deaf in the end).
	Begin      float64
	GoesOn     float64 // times Begin: the rarity up to which an excursion that has begun goes on, at least 1
	QuietShare float64 // of the history: how long it must be quiet before an alarm
	Graver     float64 // times rarer than the alarm before: what needs no quiet, more than 1
}

// Chosen are the parameters of New: round numbers that were chosen with all series of the benchmark at hand, but for GoesOn, which is what
// the search of firstlight-bench-anomaly chooses.
var Chosen = Parameters{
	History: 8192, // four weeks of five minutes, a year of hours
	WarmUp:  100, Local: 100, Short: 16, Long: 128,
	Suspect: 0.01, UsualShare: 0.75, UsualDays: 2,
	TailShare: 0.01, PriorExponent: 4, PriorWeight: 2,
	Begin: 1.0 / 64, GoesOn: 3, QuietShare: 0.02, Graver: 10,
}
