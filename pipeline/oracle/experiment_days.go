package oracle

// An experiment from day to day of the first exposure: what was known with the users up to then.

import "sort"

// tried is one user of an experiment, as one metric counts it.
type tried struct {
	variant                string
	on                     day
	over, leftOut, success bool
}

func (t *tried) count(n *dealt) {
	n.users++
	switch {
	case !t.over:
	case t.leftOut:
		n.leftOut++
	default:
		n.eligible++
		if t.success {
			n.successes++
		}
	}
}

func (b *batch) variantsByDay(e *experiment, metric, control string, users []tried) {
	variants, days := map[string]bool{}, map[day]bool{}
	for _, u := range users {
		variants[u.variant], days[u.on] = true, u.over
	}
	var order []day
	for d := range days {
		order = append(order, d)
	}
	sort.Slice(order, func(i, j int) bool { return order[i] < order[j] })
	for _, d := range order {
		alone, soFar := map[string]*dealt{}, map[string]*dealt{}
		for v := range variants {
			alone[v], soFar[v] = &dealt{}, &dealt{}
		}
		for i := range users {
			if u := &users[i]; u.on <= d {
				u.count(soFar[u.variant])
				if u.on == d {
					u.count(alone[u.variant])
				}
			}
		}
		for v := range variants {
			n, known := alone[v], soFar[v]
			row := Row{
				"experiment": e.Name, "metric": metric, "variant": v, "exposed_on": d.date(), "is_over": days[d], "users": uint64(n.users), "eligible": uint64(n.eligible),
				"reached": uint64(n.successes), "left_out": uint64(n.leftOut), "eligible_to_date": uint64(known.eligible), "reached_to_date": uint64(known.successes),
				"value": share(known.successes, known.eligible), "difference": nil, "difference_low": nil, "difference_high": nil, "as_of": instant(b.asOf),
			}
			other := soFar[control]
			if _, listed := e.Split[v]; listed && v != control && other != nil && known.eligible > 0 && other.eligible > 0 {
				row["difference"], row["difference_low"], row["difference_high"] = alwaysValid(known, other, len(e.Split)-1)
			}
			b.add("experiment_by_day", row, nil)
		}
	}
}
