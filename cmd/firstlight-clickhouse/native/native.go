// Package native rewrites blocks in ClickHouse's Native format from revision 0, as the engine writes them, to
// the revision a client asked for with client_protocol_version.
package native

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// Rewrite appends data's blocks at the given revision to out. data holds whole blocks.
func Rewrite(out *chproto.Buffer, data []byte, revision uint64, timezone *time.Location) error {
	source := bytes.NewReader(data)
	reader := chproto.NewReader(source)
	for {
		block := proto.Block{ServerContext: &column.ServerContext{Revision: revision, Timezone: timezone}}
		if err := block.Decode(reader, 0); err != nil {
			if errors.Is(err, io.EOF) && source.Len() == 0 {
				return nil
			}
			return fmt.Errorf("rewriting a Native block: %w", err)
		}
		if err := block.Encode(out, revision); err != nil {
			return fmt.Errorf("rewriting a Native block: %w", err)
		}
	}
}
