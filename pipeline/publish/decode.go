package publish

// What a file holds is told by its content, not by its name: it may be compressed, UTF-16, or no events at all.

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// sniffed is how much of a file is looked at to tell what it is, in bytes.
const sniffed = 4096

const byteOrderMark = "\ufeff"

// layout is how the events of a text follow each other.
type layout uint8

const (
	inLines  layout = iota // one JSON object per line
	inValues               // JSON values one after the other, on as many lines as they like, or in an array
)

// openText returns the text in source as UTF-8, and its layout. The error says in one line what to do with a file that is no
// text of events.
func openText(name string, source io.Reader) (text *bufio.Reader, as layout, err error) {
	r := bufio.NewReaderSize(source, sniffed)
	head, err := peek(name, r)
	if err != nil {
		return nil, inLines, err
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return nil, inLines, fmt.Errorf("decompress %s: %w", name, err)
		}
		r = bufio.NewReaderSize(unzipped, sniffed)
		if head, err = peek(name, r); err != nil {
			return nil, inLines, err
		}
	}
	if what := archive(head); what != "" {
		return nil, inLines, fmt.Errorf("%s is %s", name, what)
	}
	if order := byteOrder(head); order != nil {
		r = bufio.NewReaderSize(&utf16Reader{source: r, order: order}, sniffed)
		if head, err = peek(name, r); err != nil {
			return nil, inLines, err
		}
	}
	if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		if _, err := r.Discard(len(byteOrderMark)); err != nil {
			return nil, inLines, fmt.Errorf("read %s: %w", name, err)
		}
		head = head[len(byteOrderMark):]
	}
	if what := otherText(head); what != "" {
		return nil, inLines, fmt.Errorf("%s is %s", name, what)
	}
	return r, layoutOf(head), nil
}

// peek returns the beginning of what r reads.
func peek(name string, r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(sniffed)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return head, nil
}

// archive says what a file is that holds no text, and what to do with it.
func archive(head []byte) string {
	for _, f := range []struct{ magic, advice string }{
		{"PK\x03\x04", "a zip archive or a spreadsheet: unpack it, or export it as one JSON object per line"},
		{"\x28\xb5\x2f\xfd", "compressed with zstd: pipe it in, zstd -dc FILE | firstlight publish -"},
		{"BZh", "compressed with bzip2: pipe it in, bzip2 -dc FILE | firstlight publish -"},
		{"\xfd7zXZ", "compressed with xz: pipe it in, xz -dc FILE | firstlight publish -"},
		{"PAR1", "a Parquet file: export it as one JSON object per line"},
		{"Obj\x01", "an Avro file: export it as one JSON object per line"},
		{"SQLite format 3", "an SQLite database: export it as one JSON object per line"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.advice
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "a tar archive: unpack it, then publish its files"
	}
	return ""
}

// otherText says what a text is that holds no JSON, and what to do with it.
func otherText(head []byte) string {
	text := strings.TrimLeft(string(head), " \t\r\n")
	if text == "" || text[0] == '{' || text[0] == '[' || strings.Contains(text, "\n{") || strings.Contains(text, "\n[") {
		return ""
	}
	first, _, _ := strings.Cut(text, "\n")
	upper := strings.ToUpper(first)
	switch {
	case text[0] == '<':
		return "XML or HTML: publish takes one JSON object per line"
	case strings.HasPrefix(upper, "-- ") || strings.HasPrefix(upper, "INSERT ") || strings.HasPrefix(upper, "CREATE ") || strings.HasPrefix(upper, "COPY "):
		return "an SQL dump: export the table as one JSON object per line (docs/events.md shows the fields)"
	}
	for separator, name := range map[string]string{",": "CSV", ";": "CSV", "\t": "a table with tabs"} {
		if columns := strings.Count(first, separator); columns >= 2 || columns == 1 && strings.Count(text, separator) > 1 {
			return name + ": convert it to one JSON object per line (docs/events.md has a script for that)"
		}
	}
	return ""
}

// layoutOf tells an array, and objects that are written over several lines, from one object per line.
func layoutOf(head []byte) layout {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		return inLines
	}
	if text[0] == '[' {
		return inValues
	}
	if first, _, more := bytes.Cut(text, []byte("\n")); more && string(bytes.TrimSpace(first)) == "{" {
		return inValues
	}
	return inLines
}

// byteOrder tells UTF-16 by its mark, or by every second byte of the first characters being zero; nil when it is something else.
func byteOrder(head []byte) binary.ByteOrder {
	if len(head) < 4 {
		return nil
	}
	switch {
	case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return binary.LittleEndian
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return binary.BigEndian
	}
	return nil
}

// utf16Reader reads UTF-16 as UTF-8; half a pair becomes U+FFFD.
type utf16Reader struct {
	source *bufio.Reader
	order  binary.ByteOrder
	left   []byte // encoded, and not yet read
	buf    [utf8.UTFMax]byte
}

// Read implements io.Reader.
func (u *utf16Reader) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(u.left) == 0 {
			r, err := u.next()
			if err != nil {
				if n > 0 {
					return n, nil // the error comes again
				}
				return 0, err
			}
			u.left = u.buf[:utf8.EncodeRune(u.buf[:], r)]
		}
		copied := copy(b[n:], u.left)
		n, u.left = n+copied, u.left[copied:]
	}
	return n, nil
}

// next reads one character.
func (u *utf16Reader) next() (rune, error) {
	var two [2]byte
	if _, err := io.ReadFull(u.source, two[:]); err != nil {
		return 0, err
	}
	r := rune(u.order.Uint16(two[:]))
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	low, err := u.source.Peek(2)
	if err != nil || len(low) < 2 {
		return utf8.RuneError, nil
	}
	pair := utf16.DecodeRune(r, rune(u.order.Uint16(low)))
	if pair == utf8.RuneError {
		return pair, nil
	}
	_, err = u.source.Discard(2)
	return pair, err
}
