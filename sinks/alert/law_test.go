package alert_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"firstlight/pipeline/anomaly"
	"firstlight/sinks/alert"
)

// stories draws incidents: each opens, goes on in any way, and ends or not.
func stories(t *rapid.T, run int) (all [][]anomaly.Message) {
	for i := range rapid.IntRange(1, 3).Draw(t, "incidents") {
		incident := fmt.Sprintf("r%d-%d", run, i)
		var story []anomaly.Message
		for seq := range rapid.IntRange(1, 5).Draw(t, "messages") {
			state := anomaly.Opened
			if seq > 0 {
				state = rapid.SampledFrom([]anomaly.State{anomaly.Updated, anomaly.Updated, anomaly.NoData, anomaly.Resolved}).Draw(t, "state")
			}
			severity := rapid.SampledFrom([]anomaly.Severity{anomaly.Critical, anomaly.Warning}).Draw(t, "severity")
			story = append(story, message(incident, uint64(seq+1), state, severity))
			if state == anomaly.Resolved {
				break
			}
		}
		all = append(all, story)
	}
	return all
}

// faulty is a server that fails as often as it is told to: before or after it took what it was sent.
type faulty struct {
	*recorder
	mu    sync.Mutex
	plan  []int        // statuses to answer first; 0: takes the request and says nothing
	taken map[int]bool // by number of the request, from 1
	good  int
}

func newFaulty(t *testing.T, good int) *faulty {
	f := &faulty{good: good, taken: map[int]bool{}}
	f.recorder = record(t, good, func(n int, w http.ResponseWriter) {
		f.mu.Lock()
		status := f.good
		if len(f.plan) > 0 {
			status, f.plan = f.plan[0], f.plan[1:]
		}
		f.taken[n] = status == f.good || status == 0
		f.mu.Unlock()
		if status == 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		w.WriteHeader(status)
	})
	return f
}

func (f *faulty) fail(statuses []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = statuses
}

// took returns what the server took since a number of requests.
func (f *faulty) took(from int) (all []request) {
	seen := f.seen()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := from; i < len(seen); i++ {
		if f.taken[i+1] {
			all = append(all, seen[i])
		}
	}
	return all
}

// TestEveryDestinationEndsInTheNewestState: wherever the process dies and whatever servers answer, no message is lost
// and every destination ends where the incident does.
func TestEveryDestinationEndsInTheNewestState(t *testing.T) {
	js, am := connect(t), startManager(t, plainConfig)
	pager, channel, hook := newFaulty(t, 202), newFaulty(t, 200), newFaulty(t, 200)
	var runs atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		run := int(runs.Add(1))
		cfg := config()
		cfg.Identity = fmt.Sprint("run", run)
		cfg.Alertmanagers, cfg.PagerDutyURL, cfg.SlackURL, cfg.WebhookURL = am.url(), pager.URL, channel.URL, hook.URL
		cfg.PagerDutyKey, cfg.PerHour = strings.Repeat("k", 32), 1000
		servers := []*faulty{pager, channel, hook}
		from := []int{len(pager.seen()), len(channel.seen()), len(hook.seen())}
		all := stories(rt, run)
		told := make([]int, len(all)) // messages of each incident told so far
		tellAll := func() (messages []anomaly.Message) {
			for i, story := range all {
				messages = append(messages, story[:told[i]]...)
			}
			return messages
		}
		for range rapid.IntRange(0, 5).Draw(rt, "lives") {
			for _, s := range servers {
				s.fail(rapid.SliceOfN(rapid.SampledFrom([]int{500, 429, 0, 503, 502}), 0, 3).Draw(rt, "failures"))
			}
			deaths := rapid.IntRange(1, 12).Draw(rt, "crash after steps")
			var steps atomic.Int64
			l := begin(t, cfg, js, func(a *alert.Alerts) {
				a.CrashAt(func(string, string) bool { return steps.Add(1) >= int64(deaths) })
			})
			l.Tell(tellAll())
			for i, story := range all {
				told[i] = rapid.IntRange(told[i], len(story)).Draw(rt, "told")
			}
			l.Tell(tellAll())
			if rapid.Bool().Draw(rt, "clean end") {
				l.stop()
				continue
			}
			until(t, "it dies or has delivered", func() bool { return steps.Load() >= int64(deaths) || l.idle() })
			l.stop()
		}
		for i, story := range all {
			told[i] = len(story)
		}
		for _, s := range servers {
			s.fail(nil)
		}
		last := begin(t, cfg, js)
		last.deliver(tellAll()...)
		last.stop()
		for _, story := range all {
			checkStory(rt, js, am, story, pager.took(from[0]), channel.took(from[1]), hook.took(from[2]))
		}
	})
}

// checkStory compares what destinations have with what happened.
func checkStory(t *rapid.T, js jetstream.JetStream, am *manager, story []anomaly.Message, pager, channel, hook []request) {
	end := story[len(story)-1]
	for i := range story {
		m := &story[i]
		if n := countOf(hook, func(r request) bool { return r.header.Get("Idempotency-Key") == m.ID() }); n == 0 {
			t.Errorf("the webhook has not got %s", m.ID())
		}
	}
	if got, want := onStream(t, js, end.Incident), ids(story); !slices.Equal(got, want) {
		t.Errorf("the stream has %v, want %v", got, want)
	}
	paged := false
	for _, r := range pager {
		var e struct {
			Action string `json:"event_action"`
			Key    string `json:"dedup_key"`
		}
		if err := json.Unmarshal(r.body, &e); err != nil {
			t.Fatal(err)
		}
		if e.Key == end.Incident {
			paged = e.Action == "trigger"
		}
	}
	if want := end.Open() && end.Severity == anomaly.Critical; paged != want {
		t.Errorf("%v: is somebody paged: %t, want %t", states(story), paged, want)
	}
	fires := map[string]bool{}
	for _, a := range am.alerts(fmt.Sprintf("incident_id=%q", end.Incident)) {
		fires[a.Labels["severity"]] = true
	}
	want := map[string]bool{}
	if end.Open() {
		want[string(end.Severity)] = true
	}
	if !maps.Equal(fires, want) {
		t.Errorf("%v: alerts fire with the severities %v, want %v", states(story), fires, want)
	}
	said := ""
	for _, r := range channel {
		if strings.Contains(string(r.body), "· "+end.Incident+" ·") {
			said = string(r.body)
		}
	}
	if ended := strings.Contains(said, "resolved:"); said != "" && ended == end.Open() || said == "" && end.Open() {
		t.Errorf("%v: the channel's last word is %q", states(story), said)
	}
}

func countOf(all []request, ok func(request) bool) (n int) {
	for _, r := range all {
		if ok(r) {
			n++
		}
	}
	return n
}

func ids(story []anomaly.Message) (all []string) {
	for i := range story {
		all = append(all, story[i].ID())
	}
	return all
}

func states(story []anomaly.Message) (all []string) {
	for _, m := range story {
		all = append(all, string(m.State)+" "+string(m.Severity))
	}
	return all
}
