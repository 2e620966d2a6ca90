//go:build !linux

package chdb

import "os"

// widen leaves the pipe as it is.
func widen(*os.File) {}
