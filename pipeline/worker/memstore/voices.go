package memstore

import (
	"cmp"
	"slices"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
)

const (
	voicesKept   = 90 * 24 * time.Hour
	voicesOfUser = 100
)

// voices lists what people said who are neither left out nor forgotten since, with where they stood.
func (e *evaluator) voices() {
	forgotten := map[ForgottenKey]uint64{} // by partition and token
	for k := range e.n.Forgotten {
		token := ForgottenKey{Partition: k.Partition, Token: k.Token}
		forgotten[token] = max(forgotten[token], k.Sequence)
	}
	of := map[UserKey][]worker.Voice{}
	var heard []string
	for i := range e.catalog.Voices {
		heard = append(heard, e.catalog.VoiceHash(i))
	}
	for k, v := range e.n.store.voices {
		listed := slices.Contains(heard, k.Definition) && e.ofStream(k)
		if listed && v.At > e.asOf-voicesKept.Milliseconds() && v.Sequence > forgotten[ForgottenKey{Partition: v.Partition, Token: event.Token(v.UserID)}] {
			who := UserKey{v.Partition, v.UserID}
			of[who] = append(of[who], v)
		}
	}
	for who, said := range of {
		u, known := e.n.Users[who]
		if !known || u.Excluded {
			continue
		}
		slices.SortFunc(said, func(a, b worker.Voice) int {
			return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.Sequence, a.Sequence), cmp.Compare(a.Name, b.Name))
		})
		for i := range said[:min(len(said), voicesOfUser)] {
			e.voice(&u, &said[i])
		}
	}
}

// ofStream reports whether a voice is of the stream, dealt as it is, that the numbers belong to.
func (e *evaluator) ofStream(k VoiceKey) bool {
	for _, c := range e.n.Newest {
		return c.StreamCreated == k.StreamCreated && c.Partitions == k.Partitions
	}
	return true // checkpoints were not copied here
}

func (e *evaluator) voice(u *User, v *worker.Voice) {
	row := Row{"voice": v.Name, "user_id": v.UserID, "at": instant(v.At), "text": v.Text}
	stood := false
	for m := range e.catalog.Metrics {
		def := &e.catalog.Metrics[m]
		if entered := u.EnteredAt[def.Cohort]; !def.Kind.Traits().Reached || entered == 0 || entered > v.At {
			continue
		}
		stood = true
		done, next := uint64(0), ""
		for i, at := range u.StepTimes[def.Place] {
			switch {
			case at != 0 && at <= v.At:
				done++
			case next == "":
				next = def.Steps[i].Name
			}
		}
		row["metric"] = def.Name
		e.add("voices", "", row, Row{"cohort_start": u.CohortStart[def.Cohort], "segments": u.Segments[def.Cohort], "steps_done": done, "next_step": next})
	}
	if !stood {
		row["metric"] = ""
		e.add("voices", "", row, Row{"segments": map[string]string{}, "steps_done": uint64(0), "next_step": ""})
	}
}
