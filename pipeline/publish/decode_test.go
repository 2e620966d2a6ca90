package publish

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // into memory
	_ = w.Close()
	return b.String()
}

func utf16Text(text string, order binary.ByteOrder, mark bool) string {
	if mark {
		text = byteOrderMark + text
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		two := make([]byte, 2)
		order.PutUint16(two, u)
		b = append(b, two...)
	}
	return string(b)
}

// What a file holds is told by its content: the same two events, however they are written.
func TestFormsOfFiles(t *testing.T) {
	const lines = `{"event":"e","userId":"Zoë 😀","messageId":"1"}` + "\n" + `{"event":"e","userId":"b","messageId":"2"}` + "\n"
	for name, content := range map[string]string{
		"lines":                  lines,
		"lines of Windows":       strings.ReplaceAll(lines, "\n", "\r\n"),
		"a byte order mark":      byteOrderMark + lines,
		"gzip":                   gzipped(lines),
		"gzip in two parts":      gzipped(lines[:30]) + gzipped(lines[30:]),
		"UTF-16 of Windows":      utf16Text(lines, binary.LittleEndian, true),
		"UTF-16, big-endian":     utf16Text(lines, binary.BigEndian, true),
		"UTF-16 without mark":    utf16Text(lines, binary.LittleEndian, false),
		"gzip of UTF-16":         gzipped(utf16Text(lines, binary.BigEndian, true)),
		"an array":               "[" + strings.ReplaceAll(strings.TrimSpace(lines), "\n", ",") + "]",
		"an array over lines":    "\n [\n  " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", ",\n  ") + "\n]\n",
		"pretty-printed objects": "{\n \"event\": \"e\",\n \"userId\": \"Zoë 😀\",\n \"messageId\": \"1\", \"a\": {\"b\": [\"}\\\"\"]}\n}\n{\n \"event\": \"e\", \"userId\": \"b\", \"messageId\": \"2\"\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for _, from := range []string{"file", "pipe"} {
				var err error
				var s Summary
				if from == "file" {
					s, err = b.publisher().Run(b.ctx, []string{b.file("e", content)}, nil)
				} else {
					s, err = b.publisher().Run(b.ctx, []string{"-"}, strings.NewReader(content))
				}
				if err != nil || s.Stored+s.Duplicates != 2 || !s.Complete() {
					t.Fatalf("%s: %+v, %v\n%s", from, s, err, &b.stderr)
				}
			}
			if m := b.stored(); len(m) != 2 || !strings.Contains(string(m[0].Data), "Zoë 😀") {
				t.Errorf("%d messages, the first is %s", len(m), m[0].Data)
			}
		})
	}
}

// A value that is no event, or too large for one, does not take its neighbours along.
func TestArraysWithBadValues(t *testing.T) {
	b := newBench(t)
	s, stderr := b.run(b.publisher(), b.file("e.json", "[\n 7, {\"event\":\"e\",\"userId\":\"u\"}, [1],\n \"x\", {\"event\":\"e\",\"userId\":\"u\"}, {\"pad\":\""+
		strings.Repeat("x", 1<<20)+"\"}, {\"event\":\"e\",\"userId\":\"v\"} ]"))
	if s.Stored != 3 || s.Refused["malformed"] != 3 || s.Refused["too_large"] != 1 || !strings.Contains(stderr, "e.json:2: malformed") {
		t.Errorf("%+v\n%s", s, stderr)
	}
}

func TestTimesInAZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-03-02 10:00:00":         "2026-03-02T10:00:00+01:00",
		"2026-03-02T10:00:00":         "2026-03-02T10:00:00+01:00",
		"2026-03-02 10:00:00.123456":  "2026-03-02T10:00:00.123456+01:00",
		"2026-03-02 10:00":            "2026-03-02T10:00:00+01:00",
		"2026-07-02":                  "2026-07-02T00:00:00+02:00",
		"2026-03-29 02:30:00":         "2026-03-29T03:30:00+02:00", // skipped: by the offset before
		"2026-10-25 02:30:00":         "2026-10-25T02:30:00+02:00", // twice: the first
		"2026-10-25 03:00:00":         "2026-10-25T03:00:00+01:00",
		"2026-10-25 01:59:59":         "2026-10-25T01:59:59+02:00",
		"2026-03-02 10:00:00 UTC":     "2026-03-02T10:00:00Z",
		"2026-03-02 10:00:00+00":      "2026-03-02T10:00:00Z",
		"2026-03-02 10:00:00 +0530":   "2026-03-02T10:00:00+05:30",
		"2026-03-02T10:00:00.5+0530":  "2026-03-02T10:00:00.5+05:30",
		"2026-03-02T10:00:00Z":        "", // is read as it is
		"2026-03-02 10:00:00+01:00":   "",
		"02/03/2026 10:00":            "",
		"Mon, 02 Mar 2026 10:00:00 Z": "",
	} {
		got, ok := withOffset(text, berlin)
		if ok != (want != "") || got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	const body = `{"event":"e","userId":"u","messageId":"m","timestamp":"2026-03-02 10:00:00","properties":{"timestamp":"2026-03-02 10:00:00"},"sentAt":"2026-03-02 11:00:00"}`
	want := `{"event":"e","userId":"u","messageId":"m","timestamp":"2026-03-02T10:00:00+01:00","properties":{"timestamp":"2026-03-02 10:00:00"},"sentAt":"2026-03-02T11:00:00+01:00"}`
	if got := string(withOffsets([]byte(body), berlin)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	b := newBench(t)
	p := b.publisher()
	p.Zone, p.Historical = berlin, true
	b.run(p, b.file("e", body+"\n"+`{"specversion":"1.0","type":"e","subject":"u","id":"c","time":"2026-03-02 10:30:00","timestamp":"2026-03-02 10:00:00"}`))
	m := b.stored()
	if string(m[1].Data) != want || m[1].Header.Get("Firstlight-Received-At") != "2026-03-02T10:00:00.000Z" {
		t.Errorf("%v %s", m[1].Header, m[1].Data)
	}
	if !strings.Contains(string(m[0].Data), `"time":"2026-03-02T10:30:00+01:00","timestamp":"2026-03-02 10:00:00"`) {
		t.Errorf("%s", m[0].Data)
	}
}
