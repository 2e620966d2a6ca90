package worker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"firstlight/pipeline/event"
)

// crowd applies the events of many users, ten each over thirty days, to a partition of the SaaS example catalog, and returns it.
func crowd(tb testing.TB, users int) *partition {
	p := newPartition(0, product(tb, "24h"), Identity{})
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	events := 10 * users
	step := 30 * 24 * time.Hour / time.Duration(events)
	visits := make([]int, max(1, events/(30*24*6)/5))
	signedUp := 0
	for i := range events {
		user, name := 0, "signed_up"
		if signedUp < min(1+i*users/events, users) {
			user = signedUp
			signedUp++
			visits[r.IntN(len(visits))] = user
		} else {
			visit := r.IntN(len(visits))
			if r.IntN(5) == 0 { // young users come most
				visits[visit] = signedUp - 1 - int(float64(signedUp)*r.Float64()*r.Float64()*r.Float64())
			}
			user, name = max(visits[visit], 0), visited[r.IntN(len(visited))]
		}
		at := start.Add(time.Duration(i) * step)
		plan, country := [...]string{"free", "pro", "team"}[r.IntN(3)], [...]string{"DE", "FR", "US", "BR"}[r.IntN(4)]
		p.apply(&event.Message{Subject: "events.web.u", Stored: at.UnixMilli(), Sequence: uint64(i + 1), Data: fmt.Appendf(nil,
			`{"type":"track","event":%q,"userId":"user-%d","messageId":"m-%d","timestamp":%q,"properties":{"plan":%q,"role":"member","size":7},"context":{"location":{"country":%q}}}`,
			name, user, i, at.Format("2006-01-02T15:04:05.000Z"), plan, country)})
		if i%50_000 == 49_999 {
			p.committed(p.snapshot())
		}
	}
	return p
}

// BenchmarkLoad is what restoring a user costs the worker: reading its facts, and folding it into cells.
func BenchmarkLoad(b *testing.B) {
	p := crowd(b, 20_000)
	for n := range uint32(p.users.Len()) {
		if p.users.mark(n, markDirty) {
			p.dirtyUsers = append(p.dirtyUsers, n)
		}
	}
	stored, bytes := p.snapshot(), 0
	for _, f := range stored.users.Facts {
		bytes += len(f)
	}
	b.ReportAllocs()
	loaded := 0
	for b.Loop() {
		q := newPartition(0, product(b, "24h"), Identity{})
		q.resume(stored.checkpoint)
		for i, id := range stored.users.UserID {
			if err := q.load([]byte(id), []byte(stored.users.Facts[i]), stored.users.Version[i]); err != nil {
				b.Fatal(err)
			}
		}
		loaded += q.users.Len()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(loaded), "ns/user")
	b.ReportMetric(float64(bytes)/float64(p.users.Len()), "stored-B/user")
}
