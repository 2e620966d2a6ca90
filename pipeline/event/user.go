package event

import (
	"strings"
	"unicode"
)

// nobodies are what broken clients send instead of a user id, in lower case.
var nobodies = map[string]bool{
	"null": true, "undefined": true, "none": true, "nil": true, "nan": true, "true": true, "false": true, "0": true,
	"[object object]": true, "anonymous": true, "guest": true,
}

// longestNobody bounds what is worth looking up, in bytes.
const longestNobody = len("[object object]")

// nobody reports whether a text is no user, although it is not empty.
func nobody(id []byte) bool {
	return len(id) <= longestNobody && nobodies[strings.ToLower(string(id))] || invisible(id)
}

// invisible reports whether a text holds nothing but white space and characters without width.
func invisible(text []byte) bool {
	if len(text) > 0 && text[0] > ' ' && text[0] < 0x7f { // nearly all ids
		return false
	}
	for _, r := range string(text) {
		if !unicode.IsSpace(r) && !unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return false
		}
	}
	return true
}
