package event

import (
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

// TestFieldsAreThoseOfAnotherReader: each finds the fields of an object that another reader of JSON finds, however it is written.
func TestFieldsAreThoseOfAnotherReader(t *testing.T) {
	for _, object := range objects {
		compareFields(t, []byte(object))
	}
}

func FuzzFields(f *testing.F) {
	for _, object := range objects {
		f.Add([]byte(object))
	}
	f.Fuzz(compareFields)
}

var objects = []string{
	`{}`, " \t\r\n{ } \n", `{"a":1}`, ` { "a" : 1 , "b" : -2.5e+3 } `, "{\n\t\"a\" :\ttrue\n,\n\"b\":false , \"c\":null}",
	`{"a":{},"b":[],"c":{"d":[{"e":"}"},"]",[[]]]},"f":"{"}`, `{"":"","a":"\"","b":"\\","c":"\\\"","d\"e":1,"\u0061":2}`,
	`{"a":[1,"x\\",{"b":"\"]"}] , "a":0}`, `{"é":"ü","\u00e9":"\ud83d\ude00"}`, `{"a":1}`, string(typical(1)),
}

func compareFields(t *testing.T, object []byte) {
	if CheckObject("the text", object) != "" {
		return
	}
	type field struct {
		key string
		v   value
	}
	var want, got []field
	gjson.ParseBytes(object).ForEach(func(key, v gjson.Result) bool {
		want = append(want, field{string(text([]byte(key.Raw))), value{v.Type, int32(v.Index), int32(v.Index + len(v.Raw))}})
		return true
	})
	each(object, func(key string, v value) { got = append(got, field{string([]byte(key)), v}) })
	if !slices.Equal(want, got) {
		t.Errorf("%s: %+v, want %+v", object, got, want)
	}
}
