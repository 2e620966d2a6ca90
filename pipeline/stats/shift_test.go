package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

var drops = []Size{{math.Log(0.5), 0.5}, {math.Log(0.7), 0.5}}

// While nothing but the usual happens an alarm comes after the threshold's number of days or later, on average, also of a rate that
// wanders.
func TestShiftRarelyAlarms(t *testing.T) {
	const threshold, runs, long = 40, 60, 400
	for _, of := range []days{{logOdds: -0.4}, {logOdds: -0.4, day: 0.2}, {logOdds: -0.4, day: 0.1, drift: 0.01}} {
		total, alarms := 0, 0
		for run := range runs {
			d := of
			d.r = rand.New(rand.NewPCG(5, uint64(run)))
			l := NewLevel(0.4)
			for range 28 {
				l.Learn(0, d.next(60, 0))
			}
			s := NewShift(l, drops)
			for range long {
				total++
				if s.Step(0, d.next(60, 0), 1) >= math.Log(threshold) {
					alarms++
					break
				}
			}
		}
		t.Logf("day %v, drift %v: one alarm in %d days", of.day, of.drift, total/max(1, alarms))
		if total < threshold*alarms {
			t.Errorf("day %v, drift %v: %d alarms in %d days, want one in %d", of.day, of.drift, alarms, total, threshold)
		}
	}
}

// A drop by a fifth is found, and dated; a rise is not what is looked for.
func TestShiftFindsTheJump(t *testing.T) {
	const runs, quiet, most = 60, 56, 14
	var found, dated, rises int
	for run := range runs {
		for _, moved := range []float64{math.Log(0.706), -math.Log(0.706)} {
			d := days{r: rand.New(rand.NewPCG(7, uint64(run))), logOdds: -0.4, day: 0.1, drift: 0.005}
			s := NewShift(NewLevel(0.4), drops)
			for day := range quiet + most {
				by := 0.0
				if day >= quiet {
					by = moved
				}
				evidence := s.Step(0, d.next(300, by), 1)
				if day < quiet || evidence < math.Log(600) {
					continue
				}
				if moved > 0 {
					rises++
					break
				}
				found++
				if s.Began() >= quiet-2 && s.Began() <= quiet+2 {
					dated++
				}
				break
			}
		}
	}
	t.Logf("%d of %d found within %d days, %d dated within 2 days, %d rises", found, runs, most, dated, rises)
	if found < runs*9/10 || dated < found*8/10 || rises > 1 {
		t.Errorf("%d of %d found within %d days, %d dated within 2 days, %d rises", found, runs, most, dated, rises)
	}
}

// Joining assumptions that cannot all be told apart changes the evidence little.
func TestShiftJoinsAssumptions(t *testing.T) {
	d := days{r: rand.New(rand.NewPCG(9, 10)), logOdds: -0.4, day: 0.1}
	s := NewShift(NewLevel(0.4), drops)
	for range 300 {
		s.Step(0, d.next(20, 0), 1)
		if len(s.since) > most*len(drops) {
			t.Fatalf("%d assumptions", len(s.since))
		}
	}
}

// Looking ahead changes nothing, and says what stepping through the same days says.
func TestShiftLooksAhead(t *testing.T) {
	d := days{r: rand.New(rand.NewPCG(11, 12)), logOdds: -0.4, day: 0.1}
	s := NewShift(NewLevel(0.4), drops)
	for range 60 {
		s.Step(0, d.next(300, 0), 1)
	}
	var ahead []Early
	for range 5 {
		ahead = append(ahead, Early{Count: d.next(300, math.Log(0.6))})
	}
	before := s.evidence()
	evidence, began := s.Ahead(ahead)
	if s.evidence() != before || s.Began() >= 60 {
		t.Errorf("looking ahead has changed the evidence from %v to %v, since %d", before, s.evidence(), s.Began())
	}
	if evidence < math.Log(600) || began < 59 {
		t.Errorf("evidence %v since step %d for a drop from step 60 on", evidence, began)
	}
	stepped := 0.0
	for _, e := range ahead {
		stepped = s.Step(e.Offset, e.Count, 1)
	}
	near(t, "evidence", evidence, stepped, 0.3)
}

// Where the same people come again a low day is followed by low days: that is no jump.
func TestHabitsAreNoJump(t *testing.T) {
	const threshold, runs, long = 40, 30, 200
	alarms := func(start func(float64) *Level) (alarms, total int) {
		for run := range runs {
			r := rand.New(rand.NewPCG(13, uint64(run)))
			d := days{r: r, logOdds: -0.4}
			habit := 0.0
			next := func() Count {
				habit = 0.8*habit + 0.6*0.25*r.NormFloat64()
				return d.next(120, habit)
			}
			l := start(0.4)
			for range 56 {
				l.Learn(0, next())
			}
			s := NewShift(l, drops)
			for range long {
				total++
				if s.Step(0, next(), 1) >= math.Log(threshold) {
					alarms++
					break
				}
			}
		}
		return alarms, total
	}
	known, knownDays := alarms(NewHabitualLevel)
	unknown, unknownDays := alarms(NewLevel)
	t.Logf("%d alarms in %d days with habits, %d in %d without", known, knownDays, unknown, unknownDays)
	if knownDays < threshold*known || known*unknownDays >= unknown*knownDays {
		t.Errorf("%d alarms in %d days with habits, %d in %d without", known, knownDays, unknown, unknownDays)
	}
}
