//go:build !linux

package servers

import "errors"

// Disk is a small disk that can be filled; on this system there is none.
type Disk struct{ Dir string }

const diskVariable = "FIRSTLIGHT_CHAOS_DISK"

var errNoDisk = errors.New("a disk in memory is mounted on Linux only")

func holdDisk(string) error         { return errNoDisk }
func newDisk(string) (*Disk, error) { return nil, errNoDisk }

// Fill leaves no room.
func (d *Disk) Fill() error { return errNoDisk }

// Free makes the room again.
func (d *Disk) Free() error { return errNoDisk }

func (d *Disk) remove() {}
