package memory

import "syscall"

// machine is the memory of this machine in bytes, 0 where it is not known.
func machine() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
