package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
)

func forgetCommand() *cobra.Command {
	var o forgetting
	c := &cobra.Command{
		Use:   "forget USER... | -",
		Short: "Remove users: their messages, what is known of them, and what they count",
		Long: `Remove users by their ids; - reads ids from standard input, one a line. Their messages are purged from the event stream and from
the dead letters, and their rows deleted for good. They count in no metric any more, final or not, except in windows of adoption that
were final; event_volume keeps its counts. A worker must run. Repeating is harmless, and ends what was interrupted.
Events of the same id that are published later are of a new user.

On servers with permissions NATS_URL and NATS_INBOX_PREFIX are those of a user who may purge; the worker may not.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the users to forget by their ids, or write - to read them from standard input, one a line")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			users, err := usersOf(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			o.never = cmd.Flags().Changed("scan") && !o.scan
			return o.run(cmd.Context(), users, cmd.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&o.scan, "scan", false, "read the whole stream for events of these users under a token of others, also where status counts no such events; =false: not even where it does")
	c.Flags().DurationVar(&o.patience, "wait", time.Minute, "how long to wait for the worker")
	return c
}

// usersOf returns the ids of arguments, each once; - stands for the lines of in.
func usersOf(args []string, in io.Reader) (users []string, err error) {
	seen := map[string]bool{}
	add := func(user string) error {
		if user == "" || len(user) > event.MaxUser {
			return usagef("%q is no user id: an id has 1 to %d bytes", user, event.MaxUser)
		}
		if !seen[user] {
			seen[user] = true
			users = append(users, user)
		}
		return nil
	}
	for _, arg := range args {
		if arg != "-" {
			if err := add(arg); err != nil {
				return nil, err
			}
			continue
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if line := strings.TrimSuffix(lines.Text(), "\r"); line != "" {
				if err := add(line); err != nil {
					return nil, err
				}
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read user ids from standard input: %w", err)
		}
	}
	return users, nil
}

// forgetting is one run of forget.
type forgetting struct {
	scan     bool
	never    bool // it was asked for no scan
	patience time.Duration

	store   *clickhouse.Store
	streams *stream.Forgetter
	users   []*forgottenUser
}

// forgottenUser is what is done about one user.
type forgottenUser struct {
	id      string
	strays  []stream.Stray    // its messages under tokens of others
	told    map[string]uint64 // by route: the sequence of the message that has it forgotten there
	events  int               // messages purged
	letters uint64            // dead letters purged
	rows    uint64            // deleted
	left    uint64            // rows and messages that are still there
}

func (o *forgetting) run(ctx context.Context, users []string, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.open(ctx, false); err != nil {
		return err
	}
	o.store = clickhouse.NewStore(b.conn, s.Database)
	if o.streams, err = stream.NewForgetter(ctx, b.js, s.Stream); err != nil {
		return err
	}
	for _, id := range users {
		o.users = append(o.users, &forgottenUser{id: id, told: map[string]uint64{}})
	}
	for _, step := range []func(context.Context) error{o.findStrays, o.tell, o.await, o.purge, o.deleteRows} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return o.report(ctx, w)
}

// findStrays looks for messages of the users under tokens of others, where there are such messages of anybody.
func (o *forgetting) findStrays(ctx context.Context) error {
	if !o.scan && !o.never {
		misrouted, err := o.misrouted(ctx)
		if err != nil {
			return err
		}
		o.scan = misrouted > 0
	}
	if !o.scan {
		return nil
	}
	byID := map[string]*forgottenUser{}
	for _, u := range o.users {
		byID[u.id] = u
	}
	return o.streams.Scan(ctx, func(s stream.Stray) {
		if u := byID[s.User]; u != nil {
			u.strays = append(u.strays, s)
		}
	})
}

// tell has the workers forget the users: from these messages on they count no more.
func (o *forgetting) tell(ctx context.Context) error {
	for _, u := range o.users {
		token := event.Token(u.id)
		routes := map[string]bool{token: true}
		for _, s := range u.strays {
			if s.Route != "" {
				routes[s.Route] = true
			}
		}
		for route := range routes {
			sequence, err := o.streams.Tell(ctx, token, route)
			if err != nil {
				return err
			}
			u.told[route] = sequence
		}
	}
	return nil
}

// await waits until all these messages are applied and stored.
func (o *forgetting) await(ctx context.Context) error {
	for deadline := time.Now().Add(o.patience); ; {
		waits, err := o.behind(ctx)
		if err != nil || waits == "" {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s after %s: the users are not forgotten yet. Start firstlight run, or wait until it has caught up, and repeat the command", waits, o.patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// behind says which partition is not as far as it was told to forget, empty when all are.
func (o *forgetting) behind(ctx context.Context) (string, error) {
	checkpoints, err := o.store.Checkpoints(ctx)
	if err != nil {
		return "", err
	}
	if len(checkpoints) == 0 {
		return "no worker has stored anything", nil
	}
	if waits := o.behindIn(checkpoints); waits != "" {
		return waits, nil
	}
	beside, err := o.store.Beside(ctx)
	if err != nil || beside == 0 {
		return "", err
	}
	if checkpoints, err = o.store.In(beside).Checkpoints(ctx); err != nil {
		return "", err
	}
	if len(checkpoints) == 0 {
		return "what the catalog changed has yet to be computed", nil
	}
	if waits := o.behindIn(checkpoints); waits != "" {
		return "of what is computed because the catalog changed, " + waits, nil
	}
	return "", nil
}

// behindIn says which partition of some numbers is not as far as it was told to forget, empty when all are.
func (o *forgetting) behindIn(checkpoints []worker.Checkpoint) string {
	for _, u := range o.users {
		for route, sequence := range u.told {
			p := stream.Partition(event.Forget(route, route).Subject, int(checkpoints[0].Partitions))
			stored := slices.ContainsFunc(checkpoints, func(c worker.Checkpoint) bool { return int(c.Partition) == p && c.AppliedSeq >= sequence })
			if !stored {
				return fmt.Sprintf("partition %d has not stored message %d", p, sequence)
			}
		}
	}
	return ""
}

// purge takes the users' messages out of the stream and of the dead letters. Which they are is noted first: they are not missed.
func (o *forgetting) purge(ctx context.Context) error {
	for _, u := range o.users {
		token := event.Token(u.id)
		until := u.told[token]
		sequences, err := o.streams.Stored(ctx, token, until)
		if err != nil {
			return err
		}
		for _, s := range u.strays {
			if s.Route != "" {
				sequences = append(sequences, s.Sequence)
			}
		}
		if len(sequences) > 0 {
			if err := o.store.WritePurged(ctx, sequences); err != nil {
				return err
			}
			if err := o.streams.Note(ctx, sequences); err != nil { // for a database that is made later
				return err
			}
		}
		u.events = len(sequences)
		if u.letters, err = o.streams.Purge(ctx, token, until, u.strays); err != nil {
			return err
		}
	}
	return nil
}

// deleteRows deletes what ClickHouse has of the users from disk.
func (o *forgetting) deleteRows(ctx context.Context) error {
	rows, err := o.rows(ctx)
	if err != nil {
		return err
	}
	for i, u := range o.users {
		if u.rows, err = o.store.CountUser(ctx, rows[i]); err != nil {
			return err
		}
	}
	return o.store.DeleteUsers(ctx, rows)
}

// rows says which rows of the users are of those who were forgotten.
func (o *forgetting) rows(ctx context.Context) (out []clickhouse.UserUntil, err error) {
	checkpoints, err := o.store.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	if len(checkpoints) == 0 {
		return nil, errors.New("nothing is stored any more: repeat the command")
	}
	for _, u := range o.users {
		until := clickhouse.UserUntil{ID: u.id, Versions: map[uint16]uint64{}}
		for route, sequence := range u.told {
			p := uint16(stream.Partition(event.Forget(route, route).Subject, int(checkpoints[0].Partitions)))
			until.Versions[p] = max(until.Versions[p], sequence)
		}
		out = append(out, until)
	}
	return out, nil
}

// report says what was done and what is left.
func (o *forgetting) report(ctx context.Context, w io.Writer) error {
	rows, err := o.rows(ctx)
	if err != nil {
		return err
	}
	left := uint64(0)
	for i, u := range o.users {
		token := event.Token(u.id)
		messages, err := o.streams.Left(ctx, token, u.told[token])
		if err != nil {
			return err
		}
		if u.left, err = o.store.CountUser(ctx, rows[i]); err != nil {
			return err
		}
		u.left += messages
		left += u.left
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "user\tmessages\tdead letters\trows\tleft\t")
	for _, u := range o.users {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t\n", u.id, u.events, u.letters, u.rows, u.left)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("%d rows and messages are left: repeat the command", left)
	}
	fmt.Fprintln(w, "\nWhat remains: counts of event_volume and of windows of adoption that were final; backups, and messages that were sent with example_users.")
	return o.adviseScan(ctx, w)
}

// adviseScan says where a scan would find more.
func (o *forgetting) adviseScan(ctx context.Context, w io.Writer) error {
	if o.scan {
		return nil
	}
	misrouted, err := o.misrouted(ctx)
	if err == nil && misrouted > 0 {
		fmt.Fprintf(w, "Published under a token of other users: %s. --scan looks among them for these users too.\n", count(int(misrouted), "event"))
	}
	return err
}

// misrouted is how many events were applied that lie under a token of other users.
func (o *forgetting) misrouted(ctx context.Context) (n uint64, err error) {
	checkpoints, err := o.store.Checkpoints(ctx)
	for i := range checkpoints {
		n += checkpoints[i].Misrouted
	}
	return n, err
}
