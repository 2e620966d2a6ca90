package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Token is the partition key of a user: the first 32 lower-case hex digits of the SHA-256 of the id.
func Token(user string) string {
	token := TokenBytes(user)
	return hex.EncodeToString(token[:])
}

// TokenBytes is the token of a user as the bytes that its digits write.
func TokenBytes(user string) (token [16]byte) {
	sum := sha256.Sum256([]byte(user))
	copy(token[:], sum[:])
	return token
}

// Misrouted reports whether a subject does not end in the token of a user: the events of such a subject lie in the partition of another, so
// that the user is known in two places, each of which sees a part.
func Misrouted(subject, user string) bool {
	token := TokenBytes(user)
	var digits [32]byte
	hex.Encode(digits[:], token[:])
	return subject[strings.LastIndexByte(subject, '.')+1:] != string(digits[:])
}

// Subject is the stream subject of a user's events from source, which must be one subject token.
func Subject(source, user string) string {
	return "events." + source + "." + Token(user)
}

// maxSource bounds a source, in bytes.
const maxSource = 64

// CheckSource says why a source is no subject token.
func CheckSource(source string) error {
	bad := func(r rune) bool {
		return r == '.' || r == '*' || r == '>' || r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	if source == ControlSource {
		return fmt.Errorf("source %q is Firstlight's own: name the publishing app, such as web or ios-app", source)
	}
	if len(source) > maxSource || strings.ContainsFunc(source, bad) {
		return fmt.Errorf("source %q cannot be part of a subject: use at most %d bytes without dots, spaces, * and >, "+
			"such as web or ios-app", source, maxSource)
	}
	return nil
}
