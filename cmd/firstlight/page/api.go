package page

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"
)

// api answers /api/<query>.json and /api/<query>.csv: the same rows, twice.
type api struct {
	queries  *queries
	database string
	location *time.Location
	hide     func(string) string
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	file := r.PathValue("query")
	format := path.Ext(file)
	name := strings.TrimSuffix(file, format)
	if !known(name) || format != ".json" && format != ".csv" {
		fail(w, http.StatusNotFound, errors.New("there is no such query"))
		return
	}
	asked, err := read(r.URL.Query(), a.location)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	sql := render(name, a.database, asked)
	t, err := a.queries.run(r.Context(), sql)
	if err != nil {
		status := http.StatusServiceUnavailable
		if errors.As(err, new(refused)) {
			status = http.StatusInternalServerError
		}
		fail(w, status, errors.New(a.hide(err.Error())))
		return
	}
	if format == ".csv" {
		writeCSV(w, name, t)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		SQL       string `json:"sql"`
		Truncated bool   `json:"truncated"`
		*table
	}{sql, len(t.Rows) >= maxRows, t})
}

func fail(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // the browser may be gone
}

func writeCSV(w http.ResponseWriter, name string, t *table) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write(t.Columns) // here and below: the browser may be gone
	for _, row := range t.Rows {
		_ = out.Write(cells(row))
	}
	out.Flush()
}
