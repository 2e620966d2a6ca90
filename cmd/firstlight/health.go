package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"firstlight/cmd/firstlight/health"
)

// healthCommand asks a running worker how it is, for container health checks: an image needs no other tool.
func healthCommand() *cobra.Command {
	var ready, collector bool
	c := &cobra.Command{
		Use:   "health [--collect] [--ready]",
		Short: "Exit 0 when the worker at FIRSTLIGHT_HTTP_ADDR is alive, or ready; or the collector",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings()
			if err != nil {
				return err
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			if collector {
				return askHealth(cmd.Context(), "FIRSTLIGHT_COLLECT_ADDR", cmp.Or(s.CollectAddr, defaultCollectAddr), path)
			}
			return askHealth(cmd.Context(), "FIRSTLIGHT_HTTP_ADDR", s.HTTPAddr, path)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "also require up-to-date numbers")
	c.Flags().BoolVar(&collector, "collect", false, "ask the collector at FIRSTLIGHT_COLLECT_ADDR")
	return c
}

// healthPatience is how long a worker may take to answer.
const healthPatience = 3 * time.Second

// askHealth returns what the process at a setting's listen address says is wrong.
func askHealth(ctx context.Context, setting, listen, path string) error {
	if listen == "" {
		return usagef("%s is off: there is nothing to ask", setting)
	}
	addr, err := loopback(listen)
	if err != nil {
		return usagef("%s is %q: %w", setting, listen, err)
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
	var said health.Answer
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
