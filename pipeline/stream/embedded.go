package stream

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxPayload is the largest message the embedded server takes. Larger than any event, so that an over-large
// event is refused with a dead letter and not by the server.
const maxPayload = 16 << 20

// StartEmbedded starts a NATS server with JetStream in this process, on a loopback address, with its data in
// dir. It serves until Shutdown.
func StartEmbedded(addr, dir string) (*server.Server, error) {
	host, port, err := loopback(addr)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS on %s: %w", addr, err)
	}
	probe, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("embedded NATS cannot listen on %s (set FIRSTLIGHT_NATS_ADDR to a free port, or NATS_URL to a running server): %w", addr, err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	_ = probe.Close() // it only asked whether the port is free
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("embedded NATS could not open JetStream in %s: is the folder writable? %w", dir, err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "firstlight", Host: host, Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, JetStreamMaxStore: capacity(dir), MaxPayload: maxPayload, DontListen: false,
	})
	if err != nil {
		return nil, fmt.Errorf("configure embedded NATS in %s: %w", dir, err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("embedded NATS in %s was not ready within 30 s", dir)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, fmt.Errorf("embedded NATS could not open JetStream in %s: is the folder writable?", dir)
	}
	return s, nil
}

func loopback(addr string) (string, int, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("not host:port: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is no port", portText)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, errors.New("embedded servers listen on loopback only, such as 127.0.0.1; run a NATS server and set NATS_URL to share it")
	}
	return host, port, nil
}
