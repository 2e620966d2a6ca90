package worker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"firstlight/pipeline/event"
)

// shelf is what a store holds of users: their versions, by id.
type shelf struct {
	Numbers
	users map[string]uint64
	asked int
}

func (s *shelf) ReadUsers(_ context.Context, named []Named, user func(uint16, []byte, []byte, uint64) error) error {
	s.asked++
	for id, version := range s.users {
		is := func(n Named) bool {
			begins := func(beginning string) bool { return strings.HasPrefix(event.Token(id), beginning) }
			return slices.Contains(n.IDs, id) || slices.ContainsFunc(n.Tokens, begins)
		}
		if slices.ContainsFunc(named, is) {
			if err := user(named[0].Partition, []byte(id), []byte("facts of "+id), version); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameKey are two ids whose tokens begin with the same digit.
func sameKey() (one, other string) {
	ids := map[string]string{}
	for c := 'a'; ; c++ {
		key := event.Token(string(c))[:1]
		if one := ids[key]; one != "" {
			return one, string(c)
		}
		ids[key] = string(c)
	}
}

// TestReadingBack: whoever is read back comes as it was stored when it left. One who is not found is new only where all that is known
// to be absent under its key are others; what was stored and is not there is never taken for nothing.
func TestReadingBack(t *testing.T) {
	one, other := sameKey()
	for _, c := range []struct {
		name    string
		away    map[string]uint64 // versions of the absent
		stored  map[string]uint64
		want    []wanted
		users   []string
		missing []string // ids and tokens
		asked   int
		err     error // of the attempt
		refused error // of the partition
	}{
		{"two by id", map[string]uint64{"u": 3, "v": 4}, map[string]uint64{"u": 3, "v": 4, "w": 5}, []wanted{{id: "u"}, {id: "v"}}, []string{"u", "v"}, nil, 1, nil, nil},
		{"by token", map[string]uint64{"u": 3}, map[string]uint64{"u": 3}, []wanted{{token: event.Token("u")}}, []string{"u"}, nil, 1, nil, nil},
		{"by both", map[string]uint64{"u": 3}, map[string]uint64{"u": 3}, []wanted{{token: event.Token("u")}, {id: "u"}}, []string{"u"}, nil, 1, nil, nil},
		{"new, with the key of another", map[string]uint64{one: 3}, map[string]uint64{one: 3}, []wanted{{id: other}}, []string{one}, []string{other}, 2, nil, nil},
		{"both who have a key", map[string]uint64{one: 3, other: 4}, map[string]uint64{one: 3, other: 4}, []wanted{{id: other}}, []string{other}, nil, 1, nil, nil},
		{"nobody to forget", map[string]uint64{one: 3}, map[string]uint64{one: 3}, []wanted{{token: event.Token(other)}}, []string{one}, []string{event.Token(other)}, 2, nil, nil},
		{"is gone", map[string]uint64{"u": 3}, nil, []wanted{{id: "u"}}, nil, []string{"u"}, 2, errBehind, nil},
		{"is older than it was", map[string]uint64{"u": 3}, map[string]uint64{"u": 2}, []wanted{{id: "u"}}, nil, []string{"u"}, 2, errBehind, nil},
		{"was stored by another", map[string]uint64{"u": 3}, map[string]uint64{"u": 11}, []wanted{{id: "u"}}, nil, []string{"u"}, 1, nil, errOvertaken},
		{"one in memory that is being stored", map[string]uint64{one: 3}, map[string]uint64{one: 3, other: 11}, []wanted{{id: one}}, []string{one}, nil, 1, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPartition(0, product(t, "24h"), Identity{})
			p.away.digits, p.away.stored = 1, 10
			for id, version := range c.away {
				p.away.note(id, version)
			}
			of := map[wanted]bool{}
			for _, w := range c.want {
				of[w] = true
			}
			r := p.request(of, nil)
			s := &shelf{users: c.stored}
			if err := readTogether(t.Context(), s, []*readBack{r}); !errors.Is(err, c.err) || s.asked != c.asked {
				t.Fatalf("reading ends with %v after %d questions, want %v after %d", err, s.asked, c.err, c.asked)
			}
			if !errors.Is(r.err, c.refused) {
				t.Errorf("the partition is told %v, want %v", r.err, c.refused)
			}
			var users []string
			for _, u := range r.users {
				users = append(users, u.id)
				if string(u.facts) != "facts of "+u.id || u.version != c.away[u.id] {
					t.Errorf("%s comes with %q of version %d", u.id, u.facts, u.version)
				}
			}
			slices.Sort(users)
			if missing := slices.Concat(r.ids, r.tokens); !slices.Equal(users, c.users) || !slices.Equal(missing, c.missing) {
				t.Errorf("%v come and %v are missing, want %v and %v", users, missing, c.users, c.missing)
			}
		})
	}
}

// TestReadingBackForTheDead: a partition that has stopped holds up nobody: what is not found for it is not looked for again.
func TestReadingBackForTheDead(t *testing.T) {
	p := newPartition(0, product(t, "24h"), Identity{})
	p.away.note("gone", 1)
	ended := make(chan struct{})
	close(ended)
	r := p.request(map[wanted]bool{{id: "gone"}: true}, nil)
	r.ended = ended
	s := &shelf{}
	if err := readTogether(t.Context(), s, []*readBack{r}); err != nil || s.asked != 0 {
		t.Errorf("%d questions are asked: %v", s.asked, err)
	}
}
