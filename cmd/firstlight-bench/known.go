package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// Users who are known before the first hour of a memory budget's measurement: by events, and, because a server takes minutes and gigabytes
// for the subjects of ten million, by copies of those users in the database. A copy has the facts and the partition of its original, and
// cells count it: the numbers are those of a product with so many users.

// becomeKnown publishes the events of thirty days in which all users become known: three events each.
func (s *servers) becomeKnown(ctx context.Context, o options, end time.Time) error {
	r := rand.New(rand.NewPCG(1, 2))
	const each = 3
	n := each * o.users
	span := time.Duration(o.days) * 24 * time.Hour
	for i := range n {
		user, name := i/each, "signed_up"
		if i%each > 0 {
			user, name = r.IntN(i/each+1), eventNames[r.IntN(len(eventNames))]
		}
		if err := s.publishAt(userName(user), name, end.Add(-span+span/time.Duration(n)*time.Duration(i)), i, r); err != nil {
			return err
		}
	}
	return s.published(ctx)
}

func (s *servers) publishAt(user, name string, at time.Time, id int, r *rand.Rand) error {
	m := message(user, name, at, id, r)
	m.Header.Set(event.ReceivedHeader, at.Format("2006-01-02T15:04:05.000Z"))
	if _, err := s.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
		return fmt.Errorf("publish event %d: %w", id, err)
	}
	return nil
}

// published waits until all that was published is stored.
func (s *servers) published(ctx context.Context) error {
	select {
	case <-s.js.PublishAsyncComplete():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// names are the ids of users by number: first those of originals, then those of their first copies, and so on.
type names struct {
	originals int
	suffixes  []uint16 // of the copies of a user, in turn: what the original's id is followed by
}

func userName(number int) string { return "user-" + strconv.Itoa(number) }

func copyName(original int, suffix uint16) string {
	return userName(original) + "~" + strconv.Itoa(int(suffix))
}

// name returns the id of a user.
func (n *names) name(number int) string {
	original, copies := number%n.originals, len(n.suffixes)/n.originals
	if number < n.originals {
		return userName(original)
	}
	return copyName(original, n.suffixes[original*copies+number/n.originals-1])
}

// nameCopies finds ids for the copies of all users, such that a copy is of its original's partition.
func nameCopies(o options) *names {
	n := &names{originals: o.users, suffixes: make([]uint16, o.users*o.copies)}
	partition := func(user string) int { return stream.Partition(event.Subject("web", user), o.partitions) }
	var group sync.WaitGroup
	share := (o.users + runtime.NumCPU() - 1) / runtime.NumCPU()
	for from := 0; from < o.users; from += share {
		group.Go(func() {
			for user := from; user < min(from+share, o.users); user++ {
				suffix, of := uint16(0), partition(userName(user))
				for i := range o.copies {
					for suffix++; partition(copyName(user, suffix)) != of; suffix++ {
					}
					n.suffixes[user*o.copies+i] = suffix
				}
			}
		})
	}
	group.Wait()
	return n
}

// multiply stores copies of all users, and counts them in the cells.
func (s *servers) multiply(ctx context.Context, o options, database string) (*names, error) {
	if o.copies == 0 {
		return &names{originals: o.users}, nil
	}
	n := nameCopies(o)
	if err := s.writeSuffixes(ctx, n, o.copies); err != nil {
		return nil, err
	}
	for p := range o.partitions {
		fmt.Fprintf(os.Stderr, "copying users: partition %d of %d\n", p+1, o.partitions)
		err := s.db.Exec(ctx, fmt.Sprintf("INSERT INTO `%s`.users SELECT * EXCEPT (suffixes) REPLACE (concat(user_id, '~', toString(suffix)) AS user_id) "+
			"FROM (SELECT u.*, c.suffixes AS suffixes FROM (SELECT * FROM `%[1]s`.users FINAL WHERE partition = %d) AS u INNER JOIN `%s`.suffixes AS c USING (user_id)) ARRAY JOIN suffixes AS suffix", database, p, copiesDatabase))
		if err != nil {
			return nil, fmt.Errorf("copy the users of partition %d: %w", p, err)
		}
	}
	all := 1 + o.copies
	err := s.db.Exec(ctx, fmt.Sprintf("INSERT INTO `%s`.cells SELECT * REPLACE (n * %[2]d AS n, active * %[2]d AS active, adopters * %[2]d AS adopters, new_adopters * %[2]d AS new_adopters, "+
		"arrayMap(c -> c * %[2]d, counts) AS counts, arrayMap(s -> s * %[2]d, sums) AS sums) FROM `%[1]s`.cells FINAL WHERE kind != 'volume'", database, all))
	if err != nil {
		return nil, fmt.Errorf("count the copies in the cells: %w", err)
	}
	return n, nil
}

const copiesDatabase = "copies"

// writeSuffixes writes the suffixes of each user's copies.
func (s *servers) writeSuffixes(ctx context.Context, n *names, copies int) error {
	for _, statement := range []string{"CREATE DATABASE " + copiesDatabase, "CREATE TABLE " + copiesDatabase + ".suffixes (user_id String, suffixes Array(UInt16)) ENGINE = MergeTree ORDER BY user_id"} {
		if err := s.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the table of copies: %w", err)
		}
	}
	const together = 100_000
	for from := 0; from < n.originals; from += together {
		batch, err := s.db.PrepareBatch(ctx, "INSERT INTO "+copiesDatabase+".suffixes (user_id, suffixes)", driver.WithCloseOnFlush())
		if err != nil {
			return fmt.Errorf("write the names of copies: %w", err)
		}
		for user := from; user < min(from+together, n.originals); user++ {
			if err := batch.Append(userName(user), n.suffixes[user*copies:(user+1)*copies]); err != nil {
				return fmt.Errorf("write the names of copies: %w", err)
			}
		}
		if err := batch.Send(); err != nil {
			return fmt.Errorf("write the names of copies: %w", err)
		}
	}
	return nil
}

// copyNumbers copies all tables of a database into another that has the same.
func (s *servers) copyNumbers(ctx context.Context, from, to string, partitions int) error {
	tables, err := s.tables(ctx, from)
	if err != nil {
		return err
	}
	for _, name := range tables {
		conditions := []string{"true"}
		if name == "users" { // ten million in one statement take longer than a connection waits for an answer
			conditions = conditions[:0]
			for p := range partitions {
				conditions = append(conditions, fmt.Sprint("partition = ", p))
			}
		}
		for _, condition := range conditions {
			if err := s.db.Exec(ctx, fmt.Sprintf("INSERT INTO `%s`.`%s` SELECT * FROM `%s`.`%s` WHERE %s", to, name, from, name, condition)); err != nil {
				return fmt.Errorf("copy %s: %w", name, err)
			}
		}
	}
	return nil
}

// tables lists the tables of a database.
func (s *servers) tables(ctx context.Context, database string) (tables []string, err error) {
	rows, err := s.db.Query(ctx, "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree' ORDER BY name", database)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}
