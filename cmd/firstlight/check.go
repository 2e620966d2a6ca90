package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/sinks/clickhouse"
)

func checkCommand() *cobra.Command {
	var live, diff bool
	c := &cobra.Command{
		Use:   "check [--live] [--diff] FILE",
		Short: "Validate a metric catalog",
		Long: `Validate a metric catalog: every problem with its line and column, and what to write instead. Warnings do not fail.

--live also names events and properties that were never seen: events among all that were processed, both among the
newest messages of the stream.

--diff says what would become of the numbers in force: which metrics are new, changed or removed, and how many messages of the stream are
read to compute them.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one catalog file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runCheck(cmd, args[0], live, diff) },
	}
	c.Flags().BoolVar(&diff, "diff", false, "also say what a start with it would compute")
	c.Flags().BoolVar(&live, "live", false, "also name events and properties that were never seen")
	return c
}

func runCheck(cmd *cobra.Command, path string, live, diff bool) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	c, problems := catalog.Load(data, kind.All)
	if c == nil {
		fmt.Fprint(cmd.OutOrStdout(), problems.Format(path))
		return errSilent
	}
	problems = problems.Join(c.Warnings(time.Now()))
	if live {
		unseen, err := liveProblems(cmd.Context(), c)
		if err != nil {
			return fmt.Errorf("--live: %w", err)
		}
		problems = problems.Join(unseen)
	}
	fmt.Fprint(cmd.OutOrStdout(), problems.Format(path))
	holds := []string{count(len(c.Cohorts), "cohort"), count(len(c.Metrics), "metric")}
	if n := len(c.Experiments); n > 0 {
		holds = append(holds, count(n, "experiment"))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: OK, %s, %s\n", path, strings.Join(holds, ", "), count(len(problems), "warning"))
	if !diff {
		return nil
	}
	if err := writeDifference(cmd.Context(), c, cmd.OutOrStdout()); err != nil {
		return fmt.Errorf("--diff: %w", err)
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// liveProblems compares the catalog with what was processed and what the stream holds.
func liveProblems(ctx context.Context, c *catalog.Catalog) (catalog.Problems, error) {
	s, err := loadSettings()
	if err != nil {
		return nil, err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.open(ctx, false); err != nil {
		return nil, err
	}
	seen := &sample{events: map[string]uint64{}, properties: map[string]bool{}, sources: map[string]*routed{}, allUsers: c.AllUsers, zone: c.Location}
	if err := seen.processed(ctx, b); err != nil {
		return nil, err
	}
	if err := seen.stored(ctx, b.js, s.Stream); err != nil {
		return nil, err
	}
	if len(seen.events) == 0 {
		return nil, errors.New("no event was seen yet: publish some, then check again")
	}
	var properties []string // nil: nothing is known of them
	if seen.sampled > 0 {
		properties = slices.AppendSeq([]string{}, maps.Keys(seen.properties))
		slices.Sort(properties)
	}
	problems := c.Unseen(seen.events, properties)
	problems = problems.Join(seen.routes())
	values, err := clickhouse.NewStore(b.conn, s.Database).EightWeeks(ctx)
	if err != nil {
		return nil, err
	}
	problems = problems.Join(c.OutOfReach(values))
	if seen.sampled >= leastSampled && seen.atMidnight == seen.sampled {
		problems = problems.Join(c.WholeDays(seen.sampled))
	}
	return problems, nil
}

// sample is what was seen in practice.
type sample struct {
	events     map[string]uint64
	properties map[string]bool // paths such as properties.plan
	allUsers   bool
	zone       *time.Location
	sampled    int // accepted messages of the stream
	atMidnight int // of them, those whose time is a whole day, in UTC or locally
	sources    map[string]*routed
}

// routed counts the events of a source, and those under a token that is not that of their user.
type routed struct {
	all, astray int
	subject     string // of the newest of these, its sequence and its user
	sequence    uint64
	user        string
}

// route notes whether an event lies under the token of its user.
func (s *sample) route(m *event.Message, e *event.Event) {
	r := s.sources[e.Source]
	if r == nil {
		r = &routed{}
		s.sources[e.Source] = r
	}
	r.all++
	if event.Misrouted(m.Subject, e.User) {
		r.astray++
		r.subject, r.sequence, r.user = m.Subject, m.Sequence, e.User
	}
}

// routes returns a warning for each source whose events lie under tokens of others.
func (s *sample) routes() (out catalog.Problems) {
	for _, source := range slices.Sorted(maps.Keys(s.sources)) {
		if r := s.sources[source]; r.astray > 0 {
			out = append(out, catalog.Problem{Severity: catalog.Warning, Line: 1, Column: 1, Message: fmt.Sprintf(
				"%d of %s of source %q have a subject of another user, so that these users are counted in two places, each by a part: "+
					"the last token of the subject is the first 32 hex digits of the SHA-256 of the user id, and that of message %d would be %s instead of %s",
				r.astray, count(r.all, "event"), source, r.sequence, event.Subject(source, r.user), r.subject)})
		}
	}
	return out
}

// The bounds of a sample.
const (
	sampleMessages = 20_000
	sampleTime     = 10 * time.Second
	sampleDepth    = 4
	samplePaths    = 20_000
	leastSampled   = 20 // events from which their times say something
)

// processed adds the events that were applied.
func (s *sample) processed(ctx context.Context, b *backends) error {
	rows, err := b.conn.Query(ctx, "SELECT segment_value, toUInt64(sum(n)) FROM `"+b.settings.Database+"`.cells FINAL WHERE kind = 'volume' GROUP BY segment_value HAVING sum(n) > 0")
	if err != nil {
		return fmt.Errorf("read the events processed: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return fmt.Errorf("read the events processed: %w", err)
		}
		s.events[name] += n
	}
	return rows.Err()
}

// stored adds the newest messages of the stream.
func (s *sample) stored(ctx context.Context, js jetstream.JetStream, name string) error {
	events, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", name, err)
	}
	state := events.CachedInfo().State
	if state.Msgs == 0 {
		return nil
	}
	from := max(state.FirstSeq, state.LastSeq-min(state.LastSeq, sampleMessages)+1)
	consumer, err := events.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from})
	if err != nil {
		return fmt.Errorf("sample stream %s: %w", name, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("sample stream %s: %w", name, err)
	}
	defer messages.Stop()
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if errors.Is(err, context.DeadlineExceeded) {
			return nil // a smaller sample
		}
		if err != nil {
			return fmt.Errorf("sample stream %s: %w", name, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("sample stream %s: %w", name, err)
		}
		s.add(&event.Message{Subject: m.Subject(), Header: m.Headers(), Stored: meta.Timestamp.UnixMilli(), Sequence: meta.Sequence.Stream, Data: m.Data()})
		if meta.NumPending == 0 || meta.Sequence.Stream >= state.LastSeq {
			return nil
		}
	}
}

func (s *sample) add(m *event.Message) {
	var e event.Event
	if event.Parse(m, s.allUsers, &e).Verdict != event.Accepted {
		return
	}
	s.events[e.Name]++
	s.sampled++
	s.route(m, &e)
	at := time.UnixMilli(e.Time)
	for _, zone := range []*time.Location{time.UTC, s.zone} {
		if local := at.In(zone); local.Hour() == 0 && local.Minute() == 0 && local.Second() == 0 {
			s.atMidnight++
			break
		}
	}
	s.paths("properties", e.Properties, 1)
	s.paths("context", e.Context, 1)
}

// paths adds the paths of an object's fields.
func (s *sample) paths(prefix string, object []byte, depth int) {
	if len(object) == 0 || depth > sampleDepth {
		return
	}
	gjson.ParseBytes(object).ForEach(func(key, value gjson.Result) bool {
		path := prefix + "." + key.String()
		if len(s.properties) < samplePaths {
			s.properties[path] = true
		}
		if value.IsObject() {
			s.paths(path, []byte(value.Raw), depth+1)
		}
		return true
	})
}
