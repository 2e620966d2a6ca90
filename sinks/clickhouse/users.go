package clickhouse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

// LoadUsers calls user for every user of some partitions, in no particular order. id and facts are valid during the call only.
func (s *Store) LoadUsers(ctx context.Context, partitions []uint16, user func(partition uint16, id, facts []byte, version uint64) error) error {
	if err := s.selectUsers(ctx, in(partitions), user); err != nil {
		return fmt.Errorf("load users: %w", err)
	}
	return nil
}

// PageUsers calls user for the first users of a page, in the order of ids. id and facts are valid during the call only.
func (s *Store) PageUsers(ctx context.Context, page worker.Page, user func(id, facts []byte, version uint64) error) error {
	var condition strings.Builder
	fmt.Fprintf(&condition, "partition = %d AND user_id > ", page.Partition)
	quote(&condition, page.Above)
	if page.UpTo != "" {
		condition.WriteString(" AND user_id <= ")
		quote(&condition, page.UpTo)
	}
	fmt.Fprintf(&condition, " ORDER BY user_id LIMIT %d", page.Limit)
	err := s.selectUsers(ctx, condition.String(), func(_ uint16, id, facts []byte, version uint64) error { return user(id, facts, version) })
	if err != nil {
		return fmt.Errorf("read a page of users: %w", err)
	}
	return nil
}

// LoadEntered calls user for every user of some partitions who entered a cohort, by its place in the catalog that is computed, before a
// time (ms). id is valid during the call only.
func (s *Store) LoadEntered(ctx context.Context, partitions []uint16, cohort int, before int64, user func(partition uint16, id []byte)) error {
	query := fmt.Sprintf("SELECT partition, user_id FROM %s FINAL WHERE %s AND %s AND entered_at[%d] > 0 AND entered_at[%[4]d] < %[5]d", s.table("users"), s.here(), in(partitions), cohort+1, before)
	var (
		partition uint16
		id        []byte
	)
	err := s.each(ctx, query, func(r driver.Rows) error {
		if err := r.Scan(&partition, &id); err != nil {
			return err
		}
		user(partition, id)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load who entered before: %w", err)
	}
	return nil
}

// ReadUsers calls user for users of some partitions who are named, in no particular order. id and facts are valid during the call only.
// One thread reads them: several cost more, a third more where few users are named.
func (s *Store) ReadUsers(ctx context.Context, named []worker.Named, user func(partition uint16, id, facts []byte, version uint64) error) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 4 * maxNaming, "max_threads": 1}))
	for _, query := range s.naming(named) {
		if err := s.queryUsers(ctx, query, user); err != nil {
			return fmt.Errorf("read users: %w", err)
		}
	}
	return nil
}

// A query names users by text of so many bytes, about, which is some ten thousands of them, in so many SELECTs.
const (
	maxNaming  = 2 << 20
	maxSelects = 32
)

// naming returns queries for the users who are named. Those of a partition have a SELECT of their own, because a condition on several
// partitions has each row compared with the names of all of them, which takes two to three times as long.
func (s *Store) naming(named []worker.Named) (queries []string) {
	var b strings.Builder
	selects := 0
	end := func() {
		if selects > 0 {
			queries = append(queries, b.String())
		}
		b.Reset()
		selects = 0
	}
	add := func(partition uint16, texts []string, before, after string) {
		for len(texts) > 0 {
			if selects++; selects > 1 {
				b.WriteString(" UNION ALL ")
			}
			b.WriteString(s.userSelect(fmt.Sprintf("partition = %d AND %s(", partition, before)))
			n := 0
			for ; n < len(texts) && (n == 0 || b.Len() < maxNaming); n++ {
				if n > 0 {
					b.WriteString(", ")
				}
				quote(&b, texts[n])
			}
			b.WriteString(after)
			if texts = texts[n:]; b.Len() >= maxNaming || selects == maxSelects {
				end()
			}
		}
	}
	for i := range named {
		add(named[i].Partition, named[i].IDs, "user_id IN ", ")")
		add(named[i].Partition, named[i].Tokens, "arrayExists(t -> startsWith(lower(hex(SHA256(user_id))), t), array", "))")
	}
	end()
	return queries
}

// quote writes a text as a literal.
func quote(b *strings.Builder, text string) {
	b.WriteByte('\'')
	_, _ = literal.WriteString(b, text) // a strings.Builder takes everything
	b.WriteByte('\'')
}

var literal = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\x00", `\0`)

// selectUsers calls user for the newest row of every user of whom a condition on partition and id is true.
func (s *Store) selectUsers(ctx context.Context, condition string, user func(partition uint16, id, facts []byte, version uint64) error) error {
	return s.queryUsers(ctx, s.userSelect(condition), user)
}

// userSelect is the SELECT of the newest row of every user of whom a condition on partition and id is true.
func (s *Store) userSelect(condition string) string {
	return "SELECT partition, user_id, facts, version FROM " + s.table("users") + " FINAL PREWHERE " + s.here() + " AND " + condition
}

// queryUsers calls user for the rows of a userSelect, or of several.
func (s *Store) queryUsers(ctx context.Context, query string, user func(partition uint16, id, facts []byte, version uint64) error) error {
	err := s.userColumns(ctx, query, user)
	if errors.Is(err, clickhouse.ErrFormatNativeUnsupported) {
		err = s.userRows(ctx, query, user)
	}
	return err
}

// columnReader is what blocks needs of a connection.
type columnReader interface {
	QueryFormat(ctx context.Context, format string, query string, args ...any) (io.ReadCloser, error)
	ServerVersion() (*driver.ServerVersion, error)
}

// The oldest ClickHouse whose answer tells an error in its middle from data that look like one.
const taggedMajor, taggedMinor = 25, 11

// userColumns reads users by column.
func (s *Store) userColumns(ctx context.Context, query string, user func(partition uint16, id, facts []byte, version uint64) error) error {
	var (
		partitions, versions = new(chproto.ColUInt16), new(chproto.ColUInt64)
		ids, facts           = new(chproto.ColStr), new(chproto.ColStr)
		block                = chproto.Results{{Name: "partition", Data: partitions}, {Name: "user_id", Data: ids}, {Name: "facts", Data: facts}, {Name: "version", Data: versions}}
	)
	return s.blocks(ctx, query, block, func(rows int) error {
		for i := range rows {
			if err := user(partitions.Row(i), ids.RowBytes(i), facts.RowBytes(i), versions.Row(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// blocks reads what a query returns block by block, in memory that is used again: row by row each text would be allocated. It returns
// ErrFormatNativeUnsupported, before it calls read, where the connection cannot.
func (s *Store) blocks(ctx context.Context, query string, block chproto.Results, read func(rows int) error) (err error) {
	conn, ok := s.conn.(columnReader)
	if !ok {
		return clickhouse.ErrFormatNativeUnsupported
	}
	if v, err := conn.ServerVersion(); err != nil {
		return err
	} else if v.Version.Major < taggedMajor || v.Version.Major == taggedMajor && v.Version.Minor < taggedMinor {
		return clickhouse.ErrFormatNativeUnsupported
	}
	body, err := conn.QueryFormat(ctx, "Native", query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	r := chproto.NewReader(bufio.NewReaderSize(body, readAhead))
	for {
		if more, err := blockInfo(r); !more {
			return err
		}
		of := chproto.Block{}
		if err := of.DecodeRawBlock(r, clickhouse.ClientTCPProtocolVersion, block); err != nil {
			return unexpected(err)
		}
		if err := read(of.Rows); err != nil {
			return err
		}
	}
}

const readAhead = 256 << 10

// blockInfo reads what stands before a block of the revision that clickhouse-go asks for: two numbered fields, and a zero. It reports
// whether there is another block.
func blockInfo(r *chproto.Reader) (more bool, err error) {
	field, err := r.UVarInt()
	if errors.Is(err, io.EOF) {
		return false, nil // between two blocks
	}
	const overflows, bucket = 1, 2
	if err == nil && field == overflows {
		_, err = r.Bool()
	}
	if err == nil {
		field, err = r.UVarInt()
	}
	if err == nil && field == bucket {
		_, err = r.Int32()
	}
	if err == nil {
		field, err = r.UVarInt()
	}
	if err == nil && field != 0 {
		err = fmt.Errorf("a block begins with the unknown field %d", field)
	}
	return err == nil, unexpected(err)
}

// unexpected turns an end within a block into an error of its own.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// userRows reads users row by row.
func (s *Store) userRows(ctx context.Context, query string, user func(partition uint16, id, facts []byte, version uint64) error) error {
	var (
		partition uint16
		id, facts []byte // scanned without a copy of the text
		version   uint64
	)
	return s.each(ctx, query, func(r driver.Rows) error {
		if err := r.Scan(&partition, &id, &facts, &version); err != nil {
			return err
		}
		return user(partition, id, facts, version)
	})
}
