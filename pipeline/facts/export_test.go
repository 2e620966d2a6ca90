package facts

// OpenEvents returns how many events of a cohort are open, and the bytes of text in them.
func (c *Cohort) OpenEvents() (n, text int) { return c.count(), c.textSize() }

// Valid reports whether the book would be taken from outside.
func (b *Book) Valid() bool { return b.valid() }
