package servers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"firstlight/pipeline/testprocess"
)

// Disk is a small disk in memory, which can be filled. It needs no root: a process of its own mounts it where only that process sees it,
// and others reach it through that process.
type Disk struct {
	Dir    string
	holder *exec.Cmd
}

const diskVariable = "FIRSTLIGHT_CHAOS_DISK"

// holdDisk is the process that holds a disk: it does so until its input ends.
func holdDisk(dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		return fmt.Errorf("mount a disk in memory: %w", err)
	}
	fmt.Println("mounted")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// newDisk returns an empty disk, mounted at dir. It fails where processes may not have name spaces of their own.
func newDisk(dir string) (*Disk, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	holder := testprocess.Command(self)
	holder.Env, holder.Stderr = append(os.Environ(), diskVariable+"="+dir), os.Stderr
	holder.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	holder.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	holder.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	if _, err := holder.StdinPipe(); err != nil { // it ends when this process does
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	if err := holder.Start(); err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	d := &Disk{Dir: filepath.Join("/proc", fmt.Sprint(holder.Process.Pid), "root", dir), holder: holder}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
		d.remove()
		return nil, errors.New("make a disk: a process may not mount one here")
	}
	return d, nil
}

// Fill leaves no room.
func (d *Disk) Fill() error {
	f, err := os.Create(d.filler())
	if err != nil {
		return fmt.Errorf("fill a disk: %w", err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if n, err := f.Write(block); err != nil {
			block = block[:min(n, len(block)/2)]
		}
	}
	return nil
}

// Free makes the room again.
func (d *Disk) Free() error {
	if err := os.Remove(d.filler()); err != nil {
		return fmt.Errorf("make room on a disk: %w", err)
	}
	return nil
}

func (d *Disk) filler() string { return filepath.Join(d.Dir, "filler") }

func (d *Disk) remove() {
	_ = d.holder.Process.Kill()
	_ = d.holder.Wait()
}
