package publish

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"firstlight/pipeline/event"
)

// values splits a text into JSON values: those of arrays, and those that follow each other. It holds one at a time, and
// no more of it than the largest event.
type values struct {
	r    *bufio.Reader
	line int // of the next byte, from 1
	data []byte
	size int
}

// eachValue reads source value by value into l. Values need not be valid, or have an end: to visit says what they are. An array
// without its end is an error, because what it would have held is missing.
func eachValue(ctx context.Context, source *bufio.Reader, l *line, visit func(*line) error) error {
	v := &values{r: source, line: 1}
	inArray := false
	for {
		c, err := v.read()
		if errors.Is(err, io.EOF) && inArray {
			return fmt.Errorf("%s ends inside its array, after line %d: it is cut short, fetch or export it again", l.file, v.line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s after line %d: %w", l.file, v.line, err)
		}
		switch {
		case bytes.IndexByte([]byte(" \t\r\n,"), c) >= 0:
			continue
		case c == '[' && !inArray, c == ']' && inArray:
			inArray = c == '['
			continue
		}
		l.number, l.element = v.line, l.element+1
		if err := v.value(c); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s after line %d: %w", l.file, v.line, err)
		}
		if l.data, l.size = v.data, v.size; l.size > len(l.data) {
			l.data = nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(l); err != nil {
			return err
		}
	}
}

func (v *values) read() (byte, error) {
	c, err := v.r.ReadByte()
	if c == '\n' && err == nil {
		v.line++
	}
	return c, err
}

// keep adds a byte to the value, as long as an event may be that large.
func (v *values) keep(c byte) {
	if v.size++; v.size <= event.MaxPayload {
		v.data = append(v.data, c)
	}
}

// value reads the value that starts with a byte.
func (v *values) value(first byte) error {
	v.data, v.size = v.data[:0], 0
	v.keep(first)
	depth, quoted, escaped := 0, first == '"', false
	if first == '{' || first == '[' {
		depth = 1
	}
	for composed := depth > 0 || quoted; ; {
		next, err := v.r.Peek(1)
		if err != nil {
			return err
		}
		if c := next[0]; !composed && (bytes.IndexByte([]byte(" \t\r\n,]"), c) >= 0) {
			return nil
		}
		c, err := v.read()
		if err != nil {
			return err
		}
		v.keep(c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if composed && depth <= 0 && !quoted && !escaped {
			return nil
		}
	}
}
