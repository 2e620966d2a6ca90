package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand asks a running worker how it is, for container health checks: an image needs no other tool.
func healthCommand() *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use:    "health [--ready]",
		Short:  "Exit 0 when the worker at FIRSTLIGHT_HTTP_ADDR is alive, or ready",
		Args:   noArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings()
			if err != nil {
				return err
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return askHealth(cmd.Context(), s.HTTPAddr, path)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "also require up-to-date numbers")
	return c
}

// healthPatience is how long a worker may take to answer.
const healthPatience = 3 * time.Second

// askHealth returns what the worker at a listen address says is wrong.
func askHealth(ctx context.Context, listen, path string) error {
	if listen == "" {
		return usagef("FIRSTLIGHT_HTTP_ADDR is off: there is nothing to ask")
	}
	addr, err := loopback(listen)
	if err != nil {
		return usagef("FIRSTLIGHT_HTTP_ADDR is %q: %w", listen, err)
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return fmt.Errorf("ask %s%s: %w", addr, path, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	var said healthAnswer
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || len(said.Wrong) == 0 {
		return fmt.Errorf("%s%s answers %s", addr, path, answer.Status)
	}
	return fmt.Errorf("%s", strings.Join(said.Wrong, "; "))
}

// loopback is where this machine reaches a listen address: one of all interfaces is reached at loopback.
func loopback(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
