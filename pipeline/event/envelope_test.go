package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpen(t *testing.T) {
	const at, sent, received = "2001-01-01T00:00:00Z", "2001-01-01T00:00:05Z", "2001-01-01T00:00:07Z"
	tests := []struct {
		name, body string
		want       Envelope
	}{
		{
			"everything",
			`{"event":"e","userId":7,"messageId":"m","timestamp":"` + at + `","sentAt":"` + sent + `","receivedAt":"` + received + `"}`,
			Envelope{User: "7", IDField: "messageId", ID: "m", Time: ms(at), Sent: ms(sent), ReceivedAt: ms(received)},
		},
		{
			"a CloudEvent",
			`{"specversion":"1.0","subject":"ann","id":"m","messageId":"x","time":"` + at + `","sentAt":"` + sent + `","receivedAt":"` + received + `"}`,
			Envelope{User: "ann", IDField: "id", ID: "m", Time: ms(at), ReceivedAt: ms(received)},
		},
		{"nothing", `{}`, Envelope{IDField: "messageId", NoID: true}},
		{"identify", `{"type":"identify","anonymousId":"a1"}`, Envelope{User: "a1", IDField: "messageId", NoID: true}},
		{"an invalid user", `{"userId":"null"}`, Envelope{IDField: "messageId", NoID: true}},
		{"an empty id", `{"messageId":""}`, Envelope{IDField: "messageId", NoID: true}},
		{"an id of null", `{"messageId":null}`, Envelope{IDField: "messageId", NoID: true}},
		{"an over-long id", `{"messageId":"` + strings.Repeat("m", 101) + `"}`, Envelope{IDField: "messageId"}},
		{"an id of true", `{"messageId":true}`, Envelope{IDField: "messageId"}},
		{"receivedAt of null", `{"receivedAt":null}`, Envelope{IDField: "messageId", NoID: true}},
		{"bad times", `{"timestamp":7,"sentAt":"x","receivedAt":"x"}`, Envelope{IDField: "messageId", NoID: true, BadReceivedAt: true}},
		{"received before 1971", `{"receivedAt":"1970-01-01T00:00:01Z"}`, Envelope{IDField: "messageId", NoID: true, BadReceivedAt: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Open([]byte(tt.body))
			if !ok {
				t.Fatal("not well-formed")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
	for _, body := range []string{``, `[]`, `{"properties":7}`, strings.Repeat(" ", MaxPayload) + `{}`} {
		if _, ok := Open([]byte(body)); ok {
			t.Errorf("%.40q is taken for well-formed", body)
		}
	}
}
