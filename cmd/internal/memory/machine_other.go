//go:build !linux

package memory

// machine is the memory of this machine in bytes, 0 where it is not known.
func machine() int64 { return 0 }
