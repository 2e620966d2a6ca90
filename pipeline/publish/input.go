package publish

// The lines of the input files, with bounded memory whatever is in them.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"firstlight/pipeline/event"
)

// line is one line of a file that is not blank, or one value of JSON that is not written in lines. It is good until the next
// one is read.
type line struct {
	file    string // as given, "stdin" for -
	base    string // the file's name without folders and .gz
	number  int    // of the line, or of the value's first line, from 1
	element int    // of the value in the file, from 1; 0 when events are in lines
	data    []byte // without line end and byte order mark; nil when size is beyond what is read
	size    int
}

// name says where the line is.
func (l *line) name() string { return l.file + ":" + strconv.Itoa(l.number) }

// inputs are the files of a run.
type inputs struct {
	files []string
	stdin io.Reader
	size  int64 // bytes of all files, -1 when that cannot be known
	read  int64 // bytes read so far
	again bool  // all can be read a second time
}

// openInputs checks that every file can be opened, and holds events as far as its beginning tells, before the first is read.
func openInputs(files []string, stdin io.Reader) (*inputs, error) {
	if len(files) == 0 {
		return nil, errors.New("nothing to publish: name files of newline-delimited JSON, or - for standard input")
	}
	in := &inputs{files: files, stdin: stdin, again: true}
	fromStdin := false
	for _, name := range files {
		if name == "-" {
			if fromStdin {
				return nil, errors.New("standard input (-) can be read only once")
			}
			fromStdin = true
			continue
		}
		size, regular, err := checkFile(name)
		if err != nil {
			return nil, err
		}
		in.size += size
		in.again = in.again && regular
	}
	in.again = in.again && !fromStdin
	if !in.again {
		in.size = -1
	}
	return in, nil
}

// checkFile returns a file's size, and whether it can be read again: a pipe cannot.
func checkFile(name string) (size int64, regular bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, false, fmt.Errorf("open the events: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, false, fmt.Errorf("open the events: %w", err)
	}
	if info.IsDir() {
		return 0, false, fmt.Errorf("%s is a folder: name its files", name)
	}
	if !info.Mode().IsRegular() {
		return 0, false, nil
	}
	_, _, err = openText(name, f)
	return info.Size(), true, err
}

// each calls visit for every line of every file in order.
func (in *inputs) each(ctx context.Context, visit func(*line) error) error {
	for _, name := range in.files {
		if err := in.eachOf(ctx, name, visit); err != nil {
			return err
		}
	}
	return nil
}

func (in *inputs) eachOf(ctx context.Context, name string, visit func(*line) error) error {
	l := &line{file: name, base: strings.TrimSuffix(strings.ToValidUTF8(filepath.Base(name), "_"), ".gz")}
	source := in.stdin
	if name == "-" {
		l.file, l.base = "stdin", "stdin"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("open the events: %w", err)
		}
		defer f.Close()
		source = f
	}
	text, as, err := openText(l.file, &counter{source, &in.read})
	if err != nil {
		return err
	}
	if as == inValues {
		return eachValue(ctx, text, l, visit)
	}
	return eachLine(ctx, text, l, visit)
}

// counter counts what is read.
type counter struct {
	io.Reader
	n *int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	*c.n += int64(n)
	return n, err
}

// eachLine reads source line by line into l.
func eachLine(ctx context.Context, source io.Reader, l *line, visit func(*line) error) error {
	// Room for the largest event and line end: what does not fit is too large.
	r := bufio.NewReaderSize(source, event.MaxPayload+len("\r\n"))
	for {
		data, size, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s after line %d: %w", l.file, l.number, err)
		}
		l.number++
		l.data, l.size = data, size
		if size > len(data) || len(bytes.TrimSpace(data)) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(l); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// readLine returns the next line without its end, and its size. A line that does not fit r's buffer is read
// past and returned as nil. The last line comes with io.EOF.
func readLine(r *bufio.Reader) (data []byte, size int, err error) {
	data, err = r.ReadSlice('\n')
	size = len(data)
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			data, err = r.ReadSlice('\n')
			size += len(data)
		}
		return nil, size, err
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	return data, len(data), err
}
