package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/nats-io/jwt/v2"

	"firstlight/pipeline/doors"
	"firstlight/pipeline/redact"
	"firstlight/sinks/clickhouse"
)

// natsSchemes are those that the NATS client speaks.
var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// inboxPrefix are tokens of a subject without wildcards.
var inboxPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// checkAddresses says in one line which address makes no sense, without what may be secret in it.
func (s *Settings) checkAddresses() error {
	for _, a := range []struct{ setting, value, port, server string }{
		{"FIRSTLIGHT_HTTP_ADDR", s.HTTPAddr, "8080", ""},
		{"FIRSTLIGHT_NATS_ADDR", s.NATSAddr, "4222", "NATS_URL"},
		{"FIRSTLIGHT_CLICKHOUSE_ADDR", s.ClickHouseAddr, "8123", "CLICKHOUSE_URL"},
		{"FIRSTLIGHT_COLLECT_ADDR", s.CollectAddr, "8088", ""},
	} {
		if a.value == "" { // off
			continue
		}
		if advice := listenAdvice(a.value, a.port); advice != "" {
			return usagef("%s is %q: %s", a.setting, a.value, advice)
		}
		if a.server != "" && !doors.Loopback(a.value) {
			return usagef("%s is %q: embedded servers listen on loopback only, such as 127.0.0.1:0; set %s to a server of your own to share it", a.setting, a.value, a.server)
		}
	}
	if err := s.checkNATS(); err != nil {
		return err
	}
	if s.ClickHouseURL != "" {
		if err := clickhouse.CheckDSN(s.ClickHouseURL); err != nil {
			return usagef("CLICKHOUSE_URL: %w", err)
		}
	}
	return nil
}

// listenAdvice says what to write instead of an address that cannot be listened on, with its usual port; empty when it can.
func listenAdvice(addr, usual string) string {
	if port, err := strconv.ParseUint(addr, 10, 16); err == nil {
		return fmt.Sprintf("write host and port, 127.0.0.1:%d", port)
	}
	host, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil && net.ParseIP(addr) != nil:
		return "write host and port, " + net.JoinHostPort(addr, usual)
	case err != nil:
		return fmt.Sprintf("write host and port, such as 127.0.0.1:%[1]s or [::1]:%[1]s", usual)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("the port is a number up to 65535, such as in %s", net.JoinHostPort(host, usual))
	}
	return ""
}

func (s *Settings) checkNATS() error {
	for _, server := range redact.Split(s.NATSURL, "nats") {
		u, err := redact.Parse(server)
		switch {
		case err != nil:
			return usagef("NATS_URL %w", err)
		case !slices.Contains(natsSchemes, u.Scheme):
			return usagef("NATS_URL has the unknown scheme %q: write nats://host:4222, or tls, ws or wss", u.Scheme)
		}
	}
	if !inboxPrefix.MatchString(s.NATSInbox) {
		return usagef("NATS_INBOX_PREFIX is %q: write letters, digits, _ and -, with dots between them, such as _INBOX_firstlight", s.NATSInbox)
	}
	if (s.NATSCert == "") != (s.NATSKey == "") {
		return usagef("NATS_CERT and NATS_KEY belong together: set both, or none")
	}
	for _, f := range []struct{ setting, path string }{{"NATS_CREDS", s.NATSCreds}, {"NATS_CA", s.NATSCA}, {"NATS_CERT", s.NATSCert}, {"NATS_KEY", s.NATSKey}} {
		if f.path == "" {
			continue
		}
		content, err := os.ReadFile(f.path)
		if err != nil {
			return usagef("%s: %w", f.setting, err)
		}
		if f.setting == "NATS_CREDS" {
			if err := checkCredentials(content); err != nil {
				return usagef("NATS_CREDS: %s is no NATS credentials file (%w): nsc generate creds writes one", f.path, err)
			}
		}
	}
	return nil
}

// checkCredentials reads a credentials file as the NATS client will. Errors hold nothing of it.
func checkCredentials(content []byte) error {
	if _, err := jwt.ParseDecoratedJWT(content); err != nil {
		return errors.New("no user JWT in it")
	}
	if _, err := jwt.ParseDecoratedUserNKey(content); err != nil {
		return errors.New("no user seed in it")
	}
	return nil
}
