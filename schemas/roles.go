package schemas

import (
	"slices"
	"strings"
)

// People is the role that reads every view, Aggregates the one that reads those without single users.
const (
	Aggregates = "firstlight_bi"
	People     = "firstlight_people"
)

// peopleViews show single users.
var peopleViews = []string{"user_progress", "stalled_users", "voices"}

// Role is a role that reads views, and nothing else.
type Role struct {
	Name  string
	Views []string
}

// Create is the statement that makes the role.
func (r Role) Create() string { return "CREATE ROLE IF NOT EXISTS " + Quote(r.Name) }

// Grant is the statement that lets the role read its views. They run with the rights of their definer, so the tables
// under them stay closed.
func (r Role) Grant(database string) string {
	var all []string
	for _, view := range r.Views {
		all = append(all, "SELECT ON "+Quote(database)+"."+Quote(view))
	}
	return "GRANT " + strings.Join(all, ", ") + " TO " + Quote(r.Name)
}

// Roles returns the roles for readers.
func Roles(database string) ([]Role, error) {
	all, err := Views(database)
	if err != nil {
		return nil, err
	}
	aggregates, people := Role{Name: Aggregates}, Role{Name: People}
	for _, view := range all {
		people.Views = append(people.Views, view.Name)
		if !slices.Contains(peopleViews, view.Name) {
			aggregates.Views = append(aggregates.Views, view.Name)
		}
	}
	return []Role{aggregates, people}, nil
}
