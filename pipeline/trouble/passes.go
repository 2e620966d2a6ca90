package trouble

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Passes reports whether an error is one that a server gives while it starts, ends or elects a leader, or a network that fails: the same
// may work a little later, and nobody has to change anything.
func Passes(err error) bool {
	var (
		operation *net.OpError
		api       *jetstream.APIError
		exception *clickhouse.Exception
		answer    *clickhouse.HTTPError
	)
	switch {
	case Of(err, 0) == ForGood:
		return false
	case errors.As(err, &api):
		return api.Code == unavailable && !slices.Contains(notEnabled, api.ErrorCode)
	case errors.As(err, &exception):
		return slices.Contains(passingCodes, exception.Code)
	case errors.As(err, &answer):
		return answer.StatusCode == 502 || answer.StatusCode == unavailable || answer.StatusCode == 504
	case errors.As(err, &operation):
		return operation.Op != "remote error" && operation.Op != "local error" // of TLS
	}
	return slices.ContainsFunc(passing, func(one error) bool { return errors.Is(err, one) })
}

const unavailable = 503

// notEnabled are JetStream's codes for that it is switched off.
var notEnabled = []jetstream.ErrorCode{jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount}

// passingCodes are ClickHouse's for timeouts, networks, too many queries at once, a Keeper that cannot be asked, a table that is read only
// meanwhile, and a server that starts or ends.
var passingCodes = []int32{159, 202, 209, 210, 225, 236, 242, 279, 319, 394, 425, 735, 999}

var passing = []error{
	io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
	nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrStaleConnection,
	jetstream.ErrNoStreamResponse,
}
