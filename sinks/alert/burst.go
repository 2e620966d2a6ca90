package alert

import "go.uber.org/zap"

// burst is what became of the messages that were dealt with one after another, to be one line of the log: a start after an
// import may deliver thousands.
type burst struct {
	delivered []string // ids of messages
	withheld  int      // left for the digest, or for good: more an hour than the destination is sent
}

// namedAtMost is how many messages a line names.
const namedAtMost = 5

// log writes the line, if there is anything to say.
func (b *burst) log(log *zap.Logger) {
	if len(b.delivered) == 0 && b.withheld == 0 {
		return
	}
	fields := []zap.Field{zap.Int("messages", len(b.delivered))}
	if len(b.delivered) > 0 {
		fields = append(fields, zap.Strings("newest", b.delivered[max(0, len(b.delivered)-namedAtMost):]))
	}
	if b.withheld > 0 {
		fields = append(fields, zap.Int("withheld", b.withheld))
	}
	log.Info("delivered", fields...)
}
