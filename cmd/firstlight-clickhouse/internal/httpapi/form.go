package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
)

// maxForm bounds the fields of a form, in bytes.
const maxForm = 1 << 20

// parameters are those of the URL and, where the body is a form (multipart/form-data), its fields. form says that it
// is: the body holds nothing else then.
func parameters(r *http.Request) (values url.Values, form bool, err error) {
	values = r.URL.Query()
	kind, details, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return values, false, nil
	}
	body, err := requestBody(r, request{})
	if err != nil {
		return values, true, err
	}
	parts := multipart.NewReader(io.LimitReader(body, maxForm+1), details["boundary"])
	for size := 0; ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return values, true, nil
		}
		if err != nil {
			return values, true, failf(codeIncorrectData, "Cannot read the form: %v", err)
		}
		if part.FileName() != "" {
			return values, true, failf(codeNotImplemented, "External tables are not supported: write the rows into the query")
		}
		text, err := io.ReadAll(part)
		if size += len(text); err != nil || size > maxForm {
			return values, true, failf(codeTooLarge, "The form is larger than %d bytes, or cut", maxForm)
		}
		if name := part.FormName(); !values.Has(name) {
			values.Set(name, string(text))
		}
	}
}
