package publish

// The lines of the input files, with bounded memory whatever is in them.

import (
	"bufio"
	"bytes"
	"compress/gzip"
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

// line is one line of a file that is not blank. It is good until the next one is read.
type line struct {
	file   string // as given, "stdin" for -
	base   string // the file's name without folders and .gz
	number int    // from 1
	data   []byte // without line end and byte order mark; nil when size is beyond what is read
	size   int
}

// name says where the line is.
func (l *line) name() string { return l.file + ":" + strconv.Itoa(l.number) }

// inputs are the files of a run.
type inputs struct {
	files []string
	stdin io.Reader
	size  int64 // bytes of all files, -1 when that cannot be known
	read  int64 // bytes read so far
}

// openInputs checks that every file can be opened before the first is read.
func openInputs(files []string, stdin io.Reader) (*inputs, error) {
	if len(files) == 0 {
		return nil, errors.New("nothing to publish: name files of newline-delimited JSON, or - for standard input")
	}
	in := &inputs{files: files, stdin: stdin}
	fromStdin := false
	for _, name := range files {
		if name == "-" {
			if fromStdin {
				return nil, errors.New("standard input (-) can be read only once")
			}
			fromStdin = true
			continue
		}
		size, err := checkFile(name)
		if err != nil {
			return nil, err
		}
		in.size += size
	}
	if fromStdin {
		in.size = -1
	}
	return in, nil
}

// checkFile returns a file's size.
func checkFile(name string) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("open the events: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("open the events: %w", err)
	}
	if info.IsDir() {
		return 0, fmt.Errorf("%s is a folder: name its files", name)
	}
	return info.Size(), nil
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
	source = &counter{source, &in.read}
	if strings.HasSuffix(name, ".gz") {
		unzipped, err := gzip.NewReader(source)
		if err != nil {
			return fmt.Errorf("decompress %s: %w", name, err)
		}
		source = unzipped
	}
	return eachLine(ctx, source, l, visit)
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

const byteOrderMark = "\ufeff"

// eachLine reads source line by line into l.
func eachLine(ctx context.Context, source io.Reader, l *line, visit func(*line) error) error {
	// Room for the largest event, mark and line end: what does not fit is too large.
	r := bufio.NewReaderSize(source, event.MaxPayload+len(byteOrderMark+"\r\n"))
	for {
		data, size, err := readLine(r)
		if err != nil && err != io.EOF {
			return fmt.Errorf("read %s after line %d: %w", l.file, l.number, err)
		}
		l.number++
		if l.number == 1 && data != nil {
			data = bytes.TrimPrefix(data, []byte(byteOrderMark))
			size = len(data)
		}
		l.data, l.size = data, size
		if size > len(data) || len(bytes.TrimSpace(data)) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(l); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// readLine returns the next line without its end, and its size. A line that does not fit r's buffer is read
// past and returned as nil. The last line comes with io.EOF.
func readLine(r *bufio.Reader) (data []byte, size int, err error) {
	data, err = r.ReadSlice('\n')
	size = len(data)
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			data, err = r.ReadSlice('\n')
			size += len(data)
		}
		return nil, size, err
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	return data, len(data), err
}
