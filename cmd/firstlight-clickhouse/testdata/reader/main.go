// Command reader serves a data directory of the embedded engine with the users of a file, for TestRoles. It ends with
// its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
	"firstlight/cmd/firstlight-clickhouse/internal/httpapi"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(library, dir, users string) error {
	ctx := context.Background()
	config := filepath.Join(dir, "config.xml")
	if err := os.WriteFile(config, []byte("<clickhouse/>\n"), 0o640); err != nil {
		return err
	}
	engine, err := chdb.Open(library, dir, 4, "--config-file="+config, "--users_config="+users)
	if err != nil {
		return err
	}
	handler, err := httpapi.New(ctx, engine)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = server.Shutdown(ctx)
	return engine.Close(ctx)
}
