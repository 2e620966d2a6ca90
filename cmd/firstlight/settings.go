package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"firstlight/sinks/alert"
)

// Settings are the environment variables every command reads.
type Settings struct {
	NATSURL        string        `env:"NATS_URL" help:"NATS servers; empty: embedded JetStream" secret:"true"`
	NATSCreds      string        `env:"NATS_CREDS" help:"path of a NATS credentials file"`
	NATSCA         string        `env:"NATS_CA" help:"path of the CA certificate of the NATS servers"`
	NATSCert       string        `env:"NATS_CERT" help:"path of the client certificate for NATS"`
	NATSKey        string        `env:"NATS_KEY" help:"path of the client key for NATS"`
	ClickHouseURL  string        `env:"CLICKHOUSE_URL" help:"ClickHouse, clickhouse://user:password@host:9000 or http://host:8123; empty: embedded engine" secret:"true"`
	Catalog        string        `env:"FIRSTLIGHT_CATALOG" envDefault:"catalog.yaml" help:"path of the metric catalog"`
	DataDir        string        `env:"FIRSTLIGHT_DATA_DIR" envDefault:"./data" help:"where the embedded servers keep their data"`
	Database       string        `env:"FIRSTLIGHT_DATABASE" envDefault:"firstlight" help:"ClickHouse database"`
	Stream         string        `env:"FIRSTLIGHT_STREAM" envDefault:"EVENTS" help:"JetStream stream of the events"`
	Partitions     int           `env:"FIRSTLIGHT_PARTITIONS" envDefault:"4" help:"partitions users are dealt to, 1-1024; changing it needs --rebuild"`
	FlushInterval  time.Duration `env:"FIRSTLIGHT_FLUSH_INTERVAL" envDefault:"1s" help:"how often changes are written, 10ms-1m"`
	HTTPAddr       string        `env:"FIRSTLIGHT_HTTP_ADDR" envDefault:"127.0.0.1:8080" help:"the page, /healthz, /readyz, /metrics; off: none"`
	NATSAddr       string        `env:"FIRSTLIGHT_NATS_ADDR" envDefault:"127.0.0.1:4222" help:"loopback address of embedded JetStream"`
	ClickHouseAddr string        `env:"FIRSTLIGHT_CLICKHOUSE_ADDR" envDefault:"127.0.0.1:8123" help:"loopback address of the embedded ClickHouse engine"`
	LibCHDB        string        `env:"FIRSTLIGHT_LIBCHDB" help:"path of the engine library; empty: the one make engine installed"`
	ExternalURL    string        `env:"FIRSTLIGHT_EXTERNAL_URL" help:"where people reach this Firstlight, for links"`

	Alertmanager      string `env:"ALERTMANAGER_URL" help:"Alertmanager to send incidents to; all members of a cluster, separated by commas" secret:"true"`
	AlertmanagerToken string `env:"ALERTMANAGER_TOKEN" help:"bearer token for it" secret:"true"`
	PagerDutyKey      string `env:"PAGERDUTY_ROUTING_KEY" help:"PagerDuty integration key (Events API V2) to page for what is critical" secret:"true"`
	PagerDutyURL      string `env:"PAGERDUTY_URL" envDefault:"https://events.pagerduty.com" help:"PagerDuty's events endpoint"`
	SlackURL          string `env:"SLACK_WEBHOOK_URL" help:"Slack incoming webhook to tell of incidents" secret:"true"`
	WebhookURL        string `env:"WEBHOOK_URL" help:"address to post every message to" secret:"true"`
	WebhookSecret     string `env:"WEBHOOK_SECRET" help:"signs what is posted there" secret:"true"`
	MessagesPerHour   int    `env:"FIRSTLIGHT_MESSAGES_PER_HOUR" envDefault:"20" help:"messages to Slack per hour, 1-1000; what is critical always passes"`

	LogLevel  string `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`
	LogFormat string `env:"LOG_FORMAT" envDefault:"console" help:"console or json"`

	dataDirGiven bool // FIRSTLIGHT_DATA_DIR is set
	catalogGiven bool
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// loadSettings reads and checks the environment.
func loadSettings() (*Settings, error) {
	vars := env.ToMap(os.Environ())
	if err := readSecretFiles(vars); err != nil {
		return nil, usageError{err}
	}
	s := &Settings{}
	if err := env.ParseWithOptions(s, env.Options{Environment: vars}); err != nil {
		return nil, usageError{explainEnv(err, vars)}
	}
	if s.HTTPAddr == "off" {
		s.HTTPAddr = ""
	}
	s.dataDirGiven, s.catalogGiven = vars["FIRSTLIGHT_DATA_DIR"] != "", vars["FIRSTLIGHT_CATALOG"] != ""
	return s, s.check()
}

// settingFields are the fields of Settings that come from the environment.
func settingFields() []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[Settings]()), func(f reflect.StructField) bool { return !f.IsExported() })
}

// readSecretFiles lets every secret NAME come from the file that NAME_FILE names.
func readSecretFiles(vars map[string]string) error {
	for _, f := range settingFields() {
		name := f.Tag.Get("env")
		path := vars[name+"_FILE"]
		if f.Tag.Get("secret") == "" || path == "" {
			continue
		}
		if vars[name] != "" {
			return fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", name, err)
		}
		vars[name] = strings.TrimRight(string(content), "\r\n")
	}
	return nil
}

// explainEnv names the variable and what it holds: the parser names the Go field.
func explainEnv(err error, vars map[string]string) error {
	var parse env.ParseError
	if errors.As(err, &parse) {
		if f, ok := reflect.TypeFor[Settings]().FieldByName(parse.Name); ok {
			name := f.Tag.Get("env")
			example := map[reflect.Type]string{reflect.TypeFor[int](): "a whole number", reflect.TypeFor[time.Duration](): "a duration such as 500ms or 1s"}[f.Type]
			return fmt.Errorf("%s is %q: write %s", name, vars[name], example)
		}
	}
	return err
}

func (s *Settings) check() error {
	switch {
	case s.Partitions < 1 || s.Partitions > 1024:
		return usagef("FIRSTLIGHT_PARTITIONS is %d: write a number from 1 to 1024", s.Partitions)
	case s.FlushInterval < 10*time.Millisecond || s.FlushInterval > time.Minute:
		return usagef("FIRSTLIGHT_FLUSH_INTERVAL is %s: write a duration from 10ms to 1m", s.FlushInterval)
	case !identifier.MatchString(s.Database):
		return usagef("FIRSTLIGHT_DATABASE is %q: write letters, digits and _, at most 63", s.Database)
	case s.Stream == "" || strings.ContainsAny(s.Stream, ".*> \t/\\"):
		return usagef("FIRSTLIGHT_STREAM is %q: a stream name has no dots, wildcards, slashes or spaces", s.Stream)
	case s.MessagesPerHour < 1 || s.MessagesPerHour > 1000:
		return usagef("FIRSTLIGHT_MESSAGES_PER_HOUR is %d: write a number from 1 to 1000", s.MessagesPerHour)
	case s.LogFormat != "console" && s.LogFormat != "json":
		return usagef("LOG_FORMAT is %q: write console or json", s.LogFormat)
	}
	if _, err := zapcore.ParseLevel(s.LogLevel); err != nil {
		return usagef("LOG_LEVEL is %q: write debug, info, warn or error", s.LogLevel)
	}
	if err := s.alerts("").Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// alerts is where the messages about a product's incidents go.
func (s *Settings) alerts(product string) alert.Config {
	return alert.Config{
		Product: product, Identity: s.Database + "/" + s.Stream, ExternalURL: s.ExternalURL,
		Alertmanagers: s.Alertmanager, AlertmanagerToken: s.AlertmanagerToken, PagerDutyKey: s.PagerDutyKey, PagerDutyURL: s.PagerDutyURL,
		SlackURL: s.SlackURL, WebhookURL: s.WebhookURL, WebhookSecret: s.WebhookSecret, PerHour: s.MessagesPerHour,
	}
}

// logger returns the log, on stderr.
func (s *Settings) logger() *zap.Logger {
	level, _ := zapcore.ParseLevel(s.LogLevel) // checked
	cfg := zap.NewProductionConfig()
	if s.LogFormat == "console" {
		cfg = zap.NewDevelopmentConfig()
		cfg.Development, cfg.DisableCaller = false, true
		cfg.EncoderConfig.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	}
	cfg.DisableStacktrace = true
	cfg.Level = zap.NewAtomicLevelAt(level)
	cfg.OutputPaths = []string{"stderr"}
	log, err := cfg.Build()
	if err != nil {
		panic("BUG: the log's configuration: " + err.Error())
	}
	return log
}

// describeSettings is the table of all settings for help texts.
func describeSettings() string {
	var b strings.Builder
	b.WriteString("Settings (environment variables):\n")
	for _, f := range settingFields() {
		name, def := f.Tag.Get("env"), f.Tag.Get("envDefault")
		if f.Tag.Get("secret") != "" {
			name += "[_FILE]"
		}
		if def != "" {
			def = " (default " + def + ")"
		}
		fmt.Fprintf(&b, "  %-28s %s%s\n", name, f.Tag.Get("help"), def)
	}
	return b.String()
}
