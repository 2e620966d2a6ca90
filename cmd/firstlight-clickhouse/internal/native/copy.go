package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxName bounds a column's name or type, in bytes.
const maxName = 1 << 20

// copyBytes copies n bytes.
func (c *copier) copyBytes(n uint64) error {
	if n > math.MaxInt64 {
		return fmt.Errorf("a column of %d bytes is not possible", n)
	}
	if _, err := io.CopyN(c.out, c.in, int64(n)); err != nil {
		return unexpected(err)
	}
	return nil
}

// unexpected turns an end within a block into an error of its own.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// varint copies a number and returns it.
func (c *copier) varint() (uint64, error) {
	n, err := binary.ReadUvarint(c.in)
	if err != nil {
		return 0, unexpected(err)
	}
	_, err = c.out.Write(binary.AppendUvarint(c.out.AvailableBuffer(), n))
	return n, err
}

// number copies 8 bytes and returns them as a number.
func (c *copier) number() (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return 0, unexpected(err)
	}
	_, err := c.out.Write(b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

// string copies a short string and returns it.
func (c *copier) string() (string, error) {
	n, err := c.varint()
	if err != nil {
		return "", err
	}
	if n > maxName {
		return "", fmt.Errorf("a column's name of %d bytes is not possible", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.in, b); err != nil {
		return "", unexpected(err)
	}
	_, err = c.out.Write(b)
	return string(b), err
}

func (k fixed) prefix(*copier) error             { return nil }
func (k fixed) values(c *copier, n uint64) error { return c.copyBytes(n * uint64(k)) }
func (text) prefix(*copier) error                { return nil }
func (k nullable) prefix(c *copier) error        { return k.of.prefix(c) }
func (k array) prefix(c *copier) error           { return k.of.prefix(c) }
func (k lowCardinality) prefix(c *copier) error  { return c.copyBytes(8) }

func (k nullable) values(c *copier, n uint64) error {
	if err := c.copyBytes(n); err != nil {
		return err
	}
	return k.of.values(c, n)
}

// values copies strings, as many at once as are buffered whole.
func (text) values(c *copier, n uint64) error {
	for n > 0 {
		window, _ := c.in.Peek(c.in.Buffered())
		whole := 0
		for n > 0 {
			length, size := binary.Uvarint(window[whole:])
			if size <= 0 || length > uint64(len(window)-whole-size) {
				break
			}
			whole += size + int(length)
			n--
		}
		if whole > 0 {
			if err := c.copyBytes(uint64(whole)); err != nil {
				return err
			}
			continue
		}
		length, err := c.varint()
		if err != nil {
			return err
		}
		if err := c.copyBytes(length); err != nil {
			return err
		}
		n--
	}
	return nil
}

func (k array) values(c *copier, n uint64) error {
	if n == 0 {
		return k.of.values(c, 0)
	}
	if err := c.copyBytes((n - 1) * 8); err != nil {
		return err
	}
	elements, err := c.number() // the last end is the number of elements
	if err != nil {
		return err
	}
	return k.of.values(c, elements)
}

func (k tuple) prefix(c *copier) error {
	for _, of := range k.of {
		if err := of.prefix(c); err != nil {
			return err
		}
	}
	return nil
}

func (k tuple) values(c *copier, n uint64) error {
	for _, of := range k.of {
		if err := of.values(c, n); err != nil {
			return err
		}
	}
	if len(k.of) == 0 { // an empty tuple takes a byte
		return c.copyBytes(n)
	}
	return nil
}

func (k lowCardinality) values(c *copier, n uint64) error {
	if n == 0 {
		return nil
	}
	flags, err := c.number() // the lowest byte says how wide an index is: 1, 2, 4 or 8 bytes
	if err != nil {
		return err
	}
	keys, err := c.number()
	if err != nil {
		return err
	}
	if err := k.of.values(c, keys); err != nil {
		return err
	}
	rows, err := c.number()
	if err != nil {
		return err
	}
	return c.copyBytes(rows << (flags & 3))
}
