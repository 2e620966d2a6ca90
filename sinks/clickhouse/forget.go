package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

// WriteForgotten writes what is kept of users who were forgotten.
func (s *Store) WriteForgotten(ctx context.Context, rows []worker.Forgotten) error {
	return s.insert(ctx, "forgotten", "partition, token, sequence, facts, version, generation", func(b driver.Batch) error {
		for i := range rows {
			f := &rows[i]
			if err := b.Append(f.Partition, f.Token, f.Sequence, f.Facts, f.Version, s.generation); err != nil {
				return err
			}
		}
		return nil
	})
}

// LoadForgotten calls user for what is kept of every user of some partitions who was forgotten.
func (s *Store) LoadForgotten(ctx context.Context, partitions []uint16, user func(worker.Forgotten) error) error {
	query := "SELECT partition, token, sequence, facts, version FROM " + s.table("forgotten") + " FINAL WHERE " + s.here() + " AND " + in(partitions)
	err := s.each(ctx, query, func(r driver.Rows) error {
		var f worker.Forgotten
		if err := r.Scan(&f.Partition, &f.Token, &f.Sequence, &f.Facts, &f.Version); err != nil {
			return err
		}
		return user(f)
	})
	if err != nil {
		return fmt.Errorf("load forgotten users: %w", err)
	}
	return nil
}

// WritePurged notes messages, by sequence, that are to be purged from the stream for users who were forgotten: the generation in force
// and the one that is computed beside have received them.
func (s *Store) WritePurged(ctx context.Context, sequences []uint64) error {
	generation, beside, err := s.live(ctx)
	if err != nil {
		return err
	}
	generation = max(generation, beside)
	return s.insert(ctx, "purged", "sequence, generation", func(b driver.Batch) error {
		return columns(b, sequences, repeat(generation, len(sequences)))
	})
}

// NotePurged notes messages that were purged before anything was stored here, by sequence, unless they are noted.
func (s *Store) NotePurged(ctx context.Context, sequences []uint64) error {
	if len(sequences) == 0 {
		return nil
	}
	known, err := s.in(math.MaxUint32).Purged(ctx)
	if err != nil {
		return err
	}
	sequences = slices.DeleteFunc(slices.Clone(sequences), func(seq uint64) bool { _, is := slices.BinarySearch(known, seq); return is })
	if len(sequences) == 0 {
		return nil
	}
	return s.insert(ctx, "purged", "sequence, generation", func(b driver.Batch) error {
		return columns(b, sequences, repeat(uint32(0), len(sequences)))
	})
}

// Purged returns the sequences of the messages that were purged before the store's generation began, ascending.
func (s *Store) Purged(ctx context.Context) (sequences []uint64, err error) {
	query := fmt.Sprintf("SELECT sequence FROM %s FINAL WHERE generation < %d ORDER BY sequence", s.table("purged"), s.generation)
	err = s.each(ctx, query, func(r driver.Rows) error {
		var sequence uint64
		err := r.Scan(&sequence)
		sequences = append(sequences, sequence)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was purged for users who were forgotten: %w", err)
	}
	return sequences, nil
}

// live returns the generation in force, and the one that is computed beside, 0 when none is.
func (s *Store) live(ctx context.Context) (generation, beside uint32, err error) {
	if generation, err = s.Generation(ctx); err != nil {
		return 0, 0, err
	}
	beside, err = s.Beside(ctx)
	return generation, beside, err
}

// UserUntil names the rows of a user: those that show no numbers in force, and of each partition those up to a version.
type UserUntil struct {
	ID       string
	Versions map[uint16]uint64 // by partition
}

// aboutUsers is a table that names users.
type aboutUsers struct {
	name    string
	version string // the column that tells by stream sequence how old a row is
	past    string // the condition on rows that show no numbers in force, nor any that are computed beside
}

// aboutUsers returns the tables that name users.
func (s *Store) aboutUsers(ctx context.Context) ([]aboutUsers, error) {
	generation, beside, err := s.live(ctx)
	if err != nil {
		return nil, err
	}
	checkpoints, err := s.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	var of worker.Identity
	if len(checkpoints) > 0 {
		of = checkpoints[0].Identity
	}
	return []aboutUsers{
		{"users", "version", fmt.Sprintf("generation NOT IN (%d, %d)", generation, beside)},
		{"said", "sequence", fmt.Sprintf("(stream_created, partitions) != (%d, %d)", of.StreamCreated, of.Partitions)},
	}, nil
}

// of is the condition on rows of a user.
func (t *aboutUsers) of(u *UserUntil) (condition string, args []any) {
	of := []string{t.past}
	for _, partition := range slices.Sorted(maps.Keys(u.Versions)) {
		of = append(of, fmt.Sprintf("partition = %d AND %s <= %d", partition, t.version, u.Versions[partition]))
	}
	return "user_id = ? AND (" + strings.Join(of, " OR ") + ")", []any{u.ID}
}

// deleteAtOnce is how many users one statement deletes: each rewrites what holds rows of them.
const deleteAtOnce = 200

// DeleteUsers deletes rows of users from disk, and waits until that is done.
func (s *Store) DeleteUsers(ctx context.Context, users []UserUntil) error {
	tables, err := s.aboutUsers(ctx)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(users, deleteAtOnce) {
		for _, t := range tables {
			var conditions []string
			var args []any
			for i := range some {
				condition, values := t.of(&some[i])
				conditions, args = append(conditions, condition), append(args, values...)
			}
			statement := "ALTER TABLE " + s.table(t.name) + " DELETE WHERE " + strings.Join(conditions, " OR ") + " SETTINGS mutations_sync = 2"
			if err := s.conn.Exec(ctx, statement, args...); err != nil {
				return fmt.Errorf("delete the rows of %d users from %s: %w", len(some), t.name, err)
			}
		}
	}
	return nil
}

// CountUser returns how many rows there are.
func (s *Store) CountUser(ctx context.Context, u UserUntil) (n uint64, err error) {
	tables, err := s.aboutUsers(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range tables {
		condition, args := t.of(&u)
		var rows uint64
		err := s.each(ctx, "SELECT count() FROM "+s.table(t.name)+" WHERE "+condition, func(r driver.Rows) error { return r.Scan(&rows) }, args...)
		if err != nil {
			return 0, fmt.Errorf("count the rows of a user in %s: %w", t.name, err)
		}
		n += rows
	}
	return n, nil
}
