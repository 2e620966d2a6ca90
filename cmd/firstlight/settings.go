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

	"firstlight/cmd/internal/memory"
	"firstlight/pipeline/collect"
	"firstlight/pipeline/event"
	"firstlight/pipeline/redact"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

// Settings are the environment variables every command reads.
type Settings struct {
	NATSURL        string        `env:"NATS_URL" help:"NATS servers; empty: embedded JetStream" secret:"address"`
	NATSCreds      string        `env:"NATS_CREDS" help:"path of a NATS credentials file"`
	NATSCA         string        `env:"NATS_CA" help:"path of the CA certificate of the NATS servers"`
	NATSCert       string        `env:"NATS_CERT" help:"path of the client certificate for NATS"`
	NATSKey        string        `env:"NATS_KEY" help:"path of the client key for NATS"`
	NATSInbox      string        `env:"NATS_INBOX_PREFIX" envDefault:"_INBOX" help:"the subjects the NATS server lets this user subscribe for answers"`
	ClickHouseURL  string        `env:"CLICKHOUSE_URL" help:"ClickHouse, clickhouse://user:password@host:9000 or http://host:8123; replicas of each other as host:9000,host:9000; empty: embedded engine" secret:"database"`
	Catalog        string        `env:"FIRSTLIGHT_CATALOG" envDefault:"catalog.yaml" help:"path of the metric catalog"`
	DataDir        string        `env:"FIRSTLIGHT_DATA_DIR" envDefault:"./data" help:"where the embedded servers keep their data"`
	Database       string        `env:"FIRSTLIGHT_DATABASE" envDefault:"firstlight" help:"ClickHouse database"`
	Cluster        string        `env:"FIRSTLIGHT_CLICKHOUSE_CLUSTER" help:"cluster of CLICKHOUSE_URL's servers over which the tables are replicated; empty: they are not"`
	Stream         string        `env:"FIRSTLIGHT_STREAM" envDefault:"EVENTS" help:"JetStream stream of the events"`
	Partitions     int           `env:"FIRSTLIGHT_PARTITIONS" envDefault:"16" help:"partitions users are dealt to, 1-1024; stored numbers keep theirs unless this is set; another number is computed beside them"`
	FlushInterval  time.Duration `env:"FIRSTLIGHT_FLUSH_INTERVAL" envDefault:"1s" help:"how often changes are written, 10ms-1m"`
	StartWait      time.Duration `env:"FIRSTLIGHT_START_WAIT" envDefault:"1m" help:"how long a start waits for servers that are not there yet or elect a leader, 0s-1h"`
	Memory         string        `env:"FIRSTLIGHT_MEMORY" help:"what the worker, with embedded JetStream, is to keep to, such as 2GiB or 40%; empty: half of the machine's or container's"`
	HTTPAddr       string        `env:"FIRSTLIGHT_HTTP_ADDR" envDefault:"127.0.0.1:8080" help:"the page, /healthz, /readyz, /metrics; off: none"`
	HTTPToken      string        `env:"FIRSTLIGHT_HTTP_TOKEN" help:"what page, API and /metrics ask for; empty: nothing" secret:"whole"`
	HTTPOpen       bool          `env:"FIRSTLIGHT_HTTP_OPEN" envDefault:"false" help:"true: others may reach FIRSTLIGHT_HTTP_ADDR without a token, because a proxy guards it"`
	NATSAddr       string        `env:"FIRSTLIGHT_NATS_ADDR" envDefault:"127.0.0.1:4222" help:"loopback address of embedded JetStream"`
	ClickHouseAddr string        `env:"FIRSTLIGHT_CLICKHOUSE_ADDR" envDefault:"127.0.0.1:8123" help:"loopback address of the embedded ClickHouse engine"`
	LibCHDB        string        `env:"FIRSTLIGHT_LIBCHDB" help:"path of the engine library; empty: the one make engine installed"`
	ReaderPassword string        `env:"FIRSTLIGHT_READER_PASSWORD" help:"opens the views of single users at the port of the embedded engine; empty: they are closed there" secret:"whole"`
	VoicesKeep     time.Duration `env:"FIRSTLIGHT_VOICES_KEEP" envDefault:"2160h" help:"how long texts of the catalog's voices are kept, by the stream's clock, 1h-87600h"`
	ExternalURL    string        `env:"FIRSTLIGHT_EXTERNAL_URL" help:"where people reach this Firstlight, for links"`
	LeastUsers     int           `env:"FIRSTLIGHT_LEAST_USERS" envDefault:"30" help:"users that a value needs on the page to be compared, coloured and joined to a line, 1-1000000"`

	CollectAddr       string  `env:"FIRSTLIGHT_COLLECT_ADDR" help:"where run and demo take events over HTTP too, such as 127.0.0.1:8088, which is where collect does; empty: nowhere"`
	WriteKeys         string  `env:"FIRSTLIGHT_WRITE_KEYS" help:"lines of key, source and the origins of pages that may send with it; empty: this machine only. The file is read again when it changes" secret:"keys"`
	CollectProxies    string  `env:"FIRSTLIGHT_COLLECT_PROXIES" help:"addresses and networks of proxies that are believed whom they ask for, separated by commas"`
	CollectIP         bool    `env:"FIRSTLIGHT_COLLECT_IP" envDefault:"false" help:"true: the addresses of clients are stored, as context.ip"`
	CollectGPC        bool    `env:"FIRSTLIGHT_COLLECT_GPC" envDefault:"false" help:"true: nothing is stored of browsers that ask for privacy (Sec-GPC: 1)"`
	CollectMaxRequest int     `env:"FIRSTLIGHT_COLLECT_MAX_REQUEST" envDefault:"512000" help:"bytes of a request, 1000-10000000; four times as many once decompressed"`
	CollectMaxEvent   int     `env:"FIRSTLIGHT_COLLECT_MAX_EVENT" envDefault:"32768" help:"bytes of an event, 1000-262144"`
	CollectRate       float64 `env:"FIRSTLIGHT_COLLECT_RATE" envDefault:"0" help:"events per second that may come with each key; 0: any number"`

	Alertmanager      string `env:"ALERTMANAGER_URL" help:"Alertmanager to send incidents to; all members of a cluster, separated by commas" secret:"address"`
	AlertmanagerToken string `env:"ALERTMANAGER_TOKEN" help:"bearer token for it" secret:"whole"`
	PagerDutyKey      string `env:"PAGERDUTY_ROUTING_KEY" help:"PagerDuty integration key (Events API V2) to page for what is critical" secret:"whole"`
	PagerDutyURL      string `env:"PAGERDUTY_URL" envDefault:"https://events.pagerduty.com" help:"PagerDuty's events endpoint" secret:"address"`
	SlackURL          string `env:"SLACK_WEBHOOK_URL" help:"Slack incoming webhook to tell of incidents" secret:"hook"`
	WebhookURL        string `env:"WEBHOOK_URL" help:"address to post every message to" secret:"hook"`
	WebhookSecret     string `env:"WEBHOOK_SECRET" help:"signs what is posted there" secret:"whole"`
	IncidentMessages  int    `env:"FIRSTLIGHT_INCIDENT_MESSAGES_PER_DAY" envDefault:"6" help:"messages about one incident on a local day, 2-1000; the last says so"`
	MessagesPerHour   int    `env:"FIRSTLIGHT_MESSAGES_PER_HOUR" envDefault:"20" help:"messages to Slack per hour, 1-1000; what is critical always passes"`

	LogLevel  string `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`
	LogFormat string `env:"LOG_FORMAT" envDefault:"console" help:"console or json"`

	dataDirGiven    bool // FIRSTLIGHT_DATA_DIR is set
	catalogGiven    bool
	partitionsGiven bool
	keysFile        string // FIRSTLIGHT_WRITE_KEYS_FILE
}

var (
	identifier  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	clusterName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,200}$`)
)

// loadSettings reads and checks the environment.
func loadSettings() (*Settings, error) {
	vars := env.ToMap(os.Environ())
	if err := readSecretFiles(vars); err != nil {
		return nil, usageError{err}
	}
	hide(vars)
	warnUnknown(vars, os.Stderr)
	s := &Settings{}
	if err := env.ParseWithOptions(s, env.Options{Environment: vars}); err != nil {
		return nil, usageError{explainEnv(err, vars)}
	}
	if s.HTTPAddr == "off" {
		s.HTTPAddr = ""
	}
	s.dataDirGiven, s.catalogGiven, s.partitionsGiven = vars["FIRSTLIGHT_DATA_DIR"] != "", vars["FIRSTLIGHT_CATALOG"] != "", vars["FIRSTLIGHT_PARTITIONS"] != ""
	s.keysFile = vars["FIRSTLIGHT_WRITE_KEYS_FILE"]
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
		if vars[name] = strings.TrimRight(string(content), "\r\n"); strings.TrimSpace(vars[name]) == "" {
			return fmt.Errorf("%s_FILE: %s is empty: write the secret into it, or leave the setting out", name, path)
		}
	}
	return nil
}

// secrets is what this process was given that nobody is to see. Everything written to stderr, the log and HTTP answers passes it.
var secrets redact.Secrets

// hide adds the secrets among the variables of the environment.
func hide(vars map[string]string) {
	for _, f := range settingFields() {
		if kind := f.Tag.Get("secret"); kind != "" {
			secrets.Add(redact.Kind(kind), vars[f.Tag.Get("env")])
		}
	}
}

// explainEnv names the variable and what it holds: the parser names the Go field.
func explainEnv(err error, vars map[string]string) error {
	var parse env.ParseError
	if errors.As(err, &parse) {
		if f, ok := reflect.TypeFor[Settings]().FieldByName(parse.Name); ok {
			name := f.Tag.Get("env")
			example := map[reflect.Type]string{reflect.TypeFor[int](): "a whole number", reflect.TypeFor[float64](): "a number", reflect.TypeFor[time.Duration](): "a duration such as 500ms or 1s", reflect.TypeFor[bool](): "true or false"}[f.Type]
			return fmt.Errorf("%s is %q: write %s", name, vars[name], example)
		}
	}
	return err
}

func (s *Settings) check() error {
	switch {
	case s.Partitions < 1 || s.Partitions > 1024:
		return usagef("FIRSTLIGHT_PARTITIONS is %d: write a number from 1 to 1024", s.Partitions)
	case s.StartWait < 0 || s.StartWait > time.Hour:
		return usagef("FIRSTLIGHT_START_WAIT is %s: write a duration from 0s to 1h", s.StartWait)
	case s.FlushInterval < 10*time.Millisecond || s.FlushInterval > time.Minute:
		return usagef("FIRSTLIGHT_FLUSH_INTERVAL is %s: write a duration from 10ms to 1m", s.FlushInterval)
	case s.VoicesKeep < time.Hour || s.VoicesKeep > 87600*time.Hour:
		return usagef("FIRSTLIGHT_VOICES_KEEP is %s: write a duration from 1h to 87600h, such as 2160h for 90 days", s.VoicesKeep)
	case !identifier.MatchString(s.Database):
		return usagef("FIRSTLIGHT_DATABASE is %q: write letters, digits and _, at most 63", s.Database)
	case clickhouse.CheckDatabase(s.Database) != nil:
		return usagef("FIRSTLIGHT_DATABASE: %w", clickhouse.CheckDatabase(s.Database))
	case s.Cluster != "" && s.ClickHouseURL == "":
		return usagef("FIRSTLIGHT_CLICKHOUSE_CLUSTER is %q, and CLICKHOUSE_URL names no server: the embedded engine has no cluster", s.Cluster)
	case s.Cluster != "" && !clusterName.MatchString(s.Cluster):
		return usagef("FIRSTLIGHT_CLICKHOUSE_CLUSTER is %q: write the name of a cluster as in system.clusters: letters, digits, _, - and .", s.Cluster)
	case s.Stream == "" || strings.ContainsAny(s.Stream, ".*> \t/\\"):
		return usagef("FIRSTLIGHT_STREAM is %q: a stream name has no dots, wildcards, slashes or spaces", s.Stream)
	case s.LeastUsers < 1 || s.LeastUsers > 1_000_000:
		return usagef("FIRSTLIGHT_LEAST_USERS is %d: write a number from 1 to 1000000", s.LeastUsers)
	case s.IncidentMessages < 2 || s.IncidentMessages > 1000:
		return usagef("FIRSTLIGHT_INCIDENT_MESSAGES_PER_DAY is %d: write a number from 2 to 1000", s.IncidentMessages)
	case s.MessagesPerHour < 1 || s.MessagesPerHour > 1000:
		return usagef("FIRSTLIGHT_MESSAGES_PER_HOUR is %d: write a number from 1 to 1000", s.MessagesPerHour)
	case s.CollectMaxRequest < 1000 || s.CollectMaxRequest > 10_000_000:
		return usagef("FIRSTLIGHT_COLLECT_MAX_REQUEST is %d: write a number of bytes from 1000 to 10000000", s.CollectMaxRequest)
	case s.CollectMaxEvent < 1000 || s.CollectMaxEvent > event.MaxPayload:
		return usagef("FIRSTLIGHT_COLLECT_MAX_EVENT is %d: write a number of bytes from 1000 to %d", s.CollectMaxEvent, event.MaxPayload)
	case !(s.CollectRate >= 0 && s.CollectRate <= 1e9):
		return usagef("FIRSTLIGHT_COLLECT_RATE is %g: write events per second, or 0", s.CollectRate)
	case s.LogFormat != "console" && s.LogFormat != "json":
		return usagef("LOG_FORMAT is %q: write console or json", s.LogFormat)
	}
	if _, err := zapcore.ParseLevel(s.LogLevel); err != nil {
		return usagef("LOG_LEVEL is %q: write debug, info, warn or error", s.LogLevel)
	}
	if _, err := memory.Parse(s.Memory); err != nil {
		return usagef("FIRSTLIGHT_MEMORY: %w", err)
	}
	if err := s.alerts("").Check(); err != nil {
		return usageError{err}
	}
	if err := s.checkCollect(); err != nil {
		return err
	}
	return s.checkAddresses()
}

// checkCollect says in one line what makes no sense of who may send events over HTTP, without a key.
func (s *Settings) checkCollect() error {
	if _, _, err := collect.ParseKeys(s.WriteKeys); err != nil {
		return usagef("FIRSTLIGHT_WRITE_KEYS: %w", err)
	}
	if _, err := collect.ParseProxies(s.CollectProxies); err != nil {
		return usagef("FIRSTLIGHT_COLLECT_PROXIES: %w", err)
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
	log, err := cfg.Build(zap.WrapCore(func(zapcore.Core) zapcore.Core {
		return zapcore.NewCore(encoder(&cfg), zapcore.AddSync(secrets.Writer(os.Stderr)), cfg.Level)
	}))
	if err != nil {
		panic("BUG: the log's configuration: " + err.Error())
	}
	return log
}

func encoder(cfg *zap.Config) zapcore.Encoder {
	if cfg.Encoding == "json" {
		return zapcore.NewJSONEncoder(cfg.EncoderConfig)
	}
	return zapcore.NewConsoleEncoder(cfg.EncoderConfig)
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
