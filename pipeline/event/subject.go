package event

import (
	"crypto/sha256"
	"encoding/hex"
)

// Token is the partition key of a user: the first 32 lower-case hex digits of the SHA-256 of the id.
func Token(user string) string {
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:16])
}

// Subject is the stream subject of a user's events from source, which must be one subject token.
func Subject(source, user string) string {
	return "events." + source + "." + Token(user)
}
