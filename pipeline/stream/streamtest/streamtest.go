// Package streamtest gives tests a real JetStream: an embedded server of their own, which ends with the test.
package streamtest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/stream"
)

// Connect returns a connection to a server of the test's own, and its JetStream.
func Connect(t testing.TB) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	server, err := stream.StartEmbedded("127.0.0.1:0", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(); server.WaitForShutdown() })
	conn, err := nats.Connect(server.ClientURL(), nats.Timeout(2*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, js
}
