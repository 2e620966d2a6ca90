// Package native rewrites blocks in ClickHouse's Native format from revision 0, as the engine writes them, to the
// revision a client asks for with client_protocol_version. The values stay as they are; what differs is a header
// per block and a flag per column.
package native

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

const bufferSize = 256 << 10

// Rewrite copies the blocks of in to out, at the given revision (above 0). An error of in is returned as it is;
// the blocks before it were copied. timezone is the server's.
func Rewrite(out io.Writer, in io.Reader, revision uint64, timezone *time.Location) error {
	c := &copier{
		in:       bufio.NewReaderSize(in, bufferSize),
		out:      bufio.NewWriterSize(out, bufferSize),
		flag:     revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION,
		timezone: timezone,
	}
	for {
		_, err := c.in.Peek(1)
		if errors.Is(err, io.EOF) {
			return c.out.Flush()
		}
		if err == nil {
			err = c.block()
		}
		if err != nil {
			return errors.Join(err, c.out.Flush())
		}
	}
}

// copier copies parts of a block.
type copier struct {
	in       *bufio.Reader
	out      *bufio.Writer
	flag     bool // a column says whether its serialization is special
	timezone *time.Location
}

// blockInfo says: not an overflow block, no bucket.
var blockInfo = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

func (c *copier) block() error {
	if _, err := c.out.Write(blockInfo); err != nil {
		return err
	}
	columns, err := c.varint()
	if err != nil {
		return err
	}
	rows, err := c.varint()
	if err != nil {
		return err
	}
	for range columns {
		if err := c.column(rows); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) column(rows uint64) error {
	name, err := c.string()
	if err != nil {
		return err
	}
	typeName, err := c.string()
	if err != nil {
		return err
	}
	if c.flag {
		if err := c.out.WriteByte(0); err != nil {
			return err
		}
	}
	if rows == 0 {
		return nil
	}
	k, err := parseType(typeName)
	if err != nil {
		return c.decoded(name, typeName, rows)
	}
	if err := k.prefix(c); err != nil {
		return err
	}
	return k.values(c, rows)
}

// decoded copies a column of a type that only clickhouse-go knows.
func (c *copier) decoded(name, typeName string, rows uint64) error {
	col, err := column.Type(typeName).Column(name, &column.ServerContext{Timezone: c.timezone})
	if err != nil {
		return fmt.Errorf("column %s: %w", name, err)
	}
	// Both readers share the buffer: it is larger than the one that NewReader would add.
	reader := chproto.NewReader(c.in)
	custom, isCustom := col.(column.CustomSerialization)
	if isCustom {
		if err := custom.ReadStatePrefix(reader); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	if err := col.Decode(reader, int(rows)); err != nil {
		return fmt.Errorf("column %s: %w", name, err)
	}
	var buffer chproto.Buffer
	if isCustom {
		if err := custom.WriteStatePrefix(&buffer); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	col.Encode(&buffer)
	_, err = c.out.Write(buffer.Buf)
	return err
}
