package httpapi

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// requestBody is the request's body, decompressed.
func requestBody(r *http.Request, q request) (io.Reader, error) {
	var body io.Reader = r.Body
	var err error
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "zstd":
		body, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	default:
		err = fmt.Errorf("the Content-Encoding %q is unknown", encoding)
	}
	if errors.Is(err, io.EOF) { // an empty body
		return strings.NewReader(""), nil
	}
	if err != nil {
		return nil, failf(codeIncorrectData, "Cannot read the request body: %v", err)
	}
	if q.decompress {
		source := &counted{from: body}
		body = &blockReader{source: source, blocks: compress.NewReader(source)}
	}
	return body, nil
}

// blockReader reads ClickHouse's compressed blocks, and ends where no further block begins.
type blockReader struct {
	source *counted
	blocks *compress.Reader
	err    error // the reader below would repeat its last block after it
}

func (b *blockReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	before := b.source.bytes
	n, err := b.blocks.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
		if b.source.bytes > before {
			err = io.ErrUnexpectedEOF
		}
	}
	b.err = err
	return n, err
}

// counted counts the bytes that were read.
type counted struct {
	from  io.Reader
	bytes int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.bytes += int64(n)
	return n, err
}

// blockSize bounds the uncompressed size of one compressed block.
const blockSize = 1 << 20

// blockWriter writes ClickHouse's compressed blocks.
type blockWriter struct {
	out        io.Writer
	compressor *compress.Writer
}

func newBlockWriter(out io.Writer, useZSTD bool) *blockWriter {
	method := compress.LZ4
	if useZSTD {
		method = compress.ZSTD
	}
	return &blockWriter{out, compress.NewWriter(0, method)}
}

func (b *blockWriter) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		m := min(len(p)-n, blockSize)
		if err := b.compressor.Compress(p[n : n+m]); err != nil {
			return n, err
		}
		if _, err := b.out.Write(b.compressor.Data); err != nil {
			return n, err
		}
		n += m
	}
	return len(p), nil
}

// encoder picks the HTTP compression of a response from what the client accepts; nil for none.
func encoder(accept string, out io.Writer) (io.WriteCloser, string) {
	accept = strings.ToLower(accept)
	switch {
	case strings.Contains(accept, "br"):
		return brotli.NewWriterLevel(out, 1), "br"
	case strings.Contains(accept, "gzip"):
		w, _ := gzip.NewWriterLevel(out, gzip.BestSpeed)
		return w, "gzip"
	case strings.Contains(accept, "zstd"):
		w, _ := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		return w, "zstd"
	case strings.Contains(accept, "deflate"):
		w, _ := zlib.NewWriterLevel(out, zlib.BestSpeed)
		return w, "deflate"
	}
	return nil, ""
}
