package httpapi

import "strings"

// contentTypes are the media types of formats by how their names begin, in lower case; the first that fits.
var contentTypes = []struct{ prefix, contentType string }{
	{"tabseparated", "text/tab-separated-values; charset=UTF-8"},
	{"tsv", "text/tab-separated-values; charset=UTF-8"},
	{"csv", "text/csv; charset=UTF-8"},
	{"jsoneachrow", "application/x-ndjson; charset=UTF-8"},
	{"jsonlines", "application/x-ndjson; charset=UTF-8"},
	{"ndjson", "application/x-ndjson; charset=UTF-8"},
	{"jsoncompacteachrow", "application/x-ndjson; charset=UTF-8"},
	{"jsonstringseachrow", "application/x-ndjson; charset=UTF-8"},
	{"jsoncompactstringseachrow", "application/x-ndjson; charset=UTF-8"},
	{"json", "application/json; charset=UTF-8"},
	{"xml", "application/xml; charset=UTF-8"},
	{"native", "application/octet-stream"},
	{"rowbinary", "application/octet-stream"},
	{"parquet", "application/octet-stream"},
	{"arrow", "application/octet-stream"},
	{"orc", "application/octet-stream"},
	{"avro", "application/octet-stream"},
	{"protobuf", "application/octet-stream"},
	{"msgpack", "application/octet-stream"},
	{"npy", "application/octet-stream"},
	{"bson", "application/octet-stream"},
	{"rawblob", "application/octet-stream"},
	{"capnproto", "application/octet-stream"},
}

func contentType(format string) string {
	format = strings.ToLower(format)
	for _, t := range contentTypes {
		if strings.HasPrefix(format, t.prefix) {
			return t.contentType
		}
	}
	return "text/plain; charset=UTF-8"
}

func isNative(format string) bool { return strings.EqualFold(format, "Native") }
