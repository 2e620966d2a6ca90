package main

import "strings"

// contentTypes are the media types of formats by the beginning of their names, longest first.
var contentTypes = []struct{ prefix, contentType string }{
	{"tabseparated", "text/tab-separated-values; charset=UTF-8"},
	{"tsv", "text/tab-separated-values; charset=UTF-8"},
	{"csv", "text/csv; charset=UTF-8; header=absent"},
	{"jsoneachrow", "application/x-ndjson; charset=UTF-8"},
	{"jsonlines", "application/x-ndjson; charset=UTF-8"},
	{"ndjson", "application/x-ndjson; charset=UTF-8"},
	{"jsoncompacteachrow", "application/x-ndjson; charset=UTF-8"},
	{"jsonstringseachrow", "application/x-ndjson; charset=UTF-8"},
	{"jsoncompactstringseachrow", "application/x-ndjson; charset=UTF-8"},
	{"json", "application/json; charset=UTF-8"},
	{"xml", "application/xml; charset=UTF-8"},
	{"html", "text/html; charset=UTF-8"},
	{"native", "application/octet-stream"},
	{"rowbinary", "application/octet-stream"},
	{"parquet", "application/octet-stream"},
	{"arrow", "application/octet-stream"},
	{"orc", "application/octet-stream"},
	{"avro", "application/octet-stream"},
	{"protobuf", "application/octet-stream"},
	{"msgpack", "application/octet-stream"},
	{"npy", "application/octet-stream"},
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

// streams are the formats whose blocks, written one after the other, are the whole result. The engine formats
// every block of a stream on its own, so headers, brackets and footers would repeat in all others.
var streams = map[string]bool{
	"tabseparated": true, "tsv": true, "tabseparatedraw": true, "tsvraw": true, "raw": true,
	"csv": true, "jsoneachrow": true, "jsonlines": true, "ndjson": true,
	"jsoncompacteachrow": true, "jsonstringseachrow": true, "jsoncompactstringseachrow": true,
	"native": true, "rowbinary": true, "tskv": true, "rawblob": true, "lineasstring": true, "msgpack": true,
}

func streamable(format string) bool { return streams[strings.ToLower(format)] }

func isNative(format string) bool { return strings.EqualFold(format, "Native") }
