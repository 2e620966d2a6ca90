package stream

import (
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// OfOneMessage says why a stream does not take a message although it may take the next; it is empty for other errors.
func OfOneMessage(err error) string {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return ""
	}
	if strings.Contains(api.Description, "per subject exceeded") || strings.Contains(api.Description, "message size exceeds maximum") {
		return "the stream does not take it: " + api.Description
	}
	return ""
}
