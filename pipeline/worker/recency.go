package worker

// recency is the order in which users were touched, by number: a list whose links are numbers, so that the garbage collector has nothing
// to follow.
type recency struct {
	older, newer   []uint32 // by number
	oldest, newest uint32
}

// nobody is no user's number.
const nobody = ^uint32(0)

func newRecency() recency { return recency{oldest: nobody, newest: nobody} }

// add adds a user, touched last.
func (r *recency) add(number uint32) {
	for int(number) >= len(r.older) {
		r.older, r.newer = append(r.older, nobody), append(r.newer, nobody)
	}
	r.older[number], r.newer[number] = r.newest, nobody
	if r.newest == nobody {
		r.oldest = number
	} else {
		r.newer[r.newest] = number
	}
	r.newest = number
}

// remove removes a user.
func (r *recency) remove(number uint32) {
	older, newer := r.older[number], r.newer[number]
	if older == nobody {
		r.oldest = newer
	} else {
		r.newer[older] = newer
	}
	if newer == nobody {
		r.newest = older
	} else {
		r.older[newer] = older
	}
}

// touch makes a user the one who was touched last.
func (r *recency) touch(number uint32) {
	if number != r.newest {
		r.remove(number)
		r.add(number)
	}
}
