package main

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// isMounted tells whether something is mounted exactly at a path.
func isMounted(target string) (bool, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(table)) {
		// ID PARENT DEVICE ROOT TARGET …; the paths of kubelet have none of the characters that are written as \040.
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == target {
			return true, nil
		}
	}
	return false, nil
}

func makeFile(target string) error {
	file, err := os.OpenFile(target, os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	return file.Close()
}

func bind(source, target string, readOnly bool) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if !readOnly {
		return nil
	}
	// The kernel takes "read only" for a bind mount only when it is there.
	if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return errors.Join(err, unix.Unmount(target, 0))
	}
	return nil
}

// unmount undoes bind, however far it came, and removes the empty mount point. No error when nothing is there.
func unmount(target string) error {
	for {
		present, err := isMounted(target)
		if err != nil {
			return err
		}
		if !present {
			break
		}
		if err := unix.Unmount(target, 0); err != nil {
			return err
		}
	}
	info, err := os.Lstat(target)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// A file of a block volume, or a directory that is empty: anything else is somebody's data.
	if err == nil && (info.IsDir() || info.Size() == 0) {
		return os.Remove(target)
	}
	return err
}
