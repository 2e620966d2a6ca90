package notes

// FailAt makes the follower ask before every write.
func (f *Follower) FailAt(fault func(write string) error) { f.fault = fault }
