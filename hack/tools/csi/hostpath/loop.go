package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// loopOf opens the loop device whose backing file this is, known by its inode; nil when there is none.
func loopOf(file string) (*os.File, error) {
	var wanted unix.Stat_t
	if err := unix.Stat(file, &wanted); err != nil {
		return nil, err
	}
	devices, err := filepath.Glob("/dev/loop[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, path := range devices {
		device, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // removed meanwhile
		}
		info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && info.Device == wanted.Dev && info.Inode == wanted.Ino {
			return device, nil
		}
		device.Close()
	}
	return nil, nil
}

// attachLoop gives a file one loop device, however often it is asked, and tells its path.
func attachLoop(file string) (string, error) {
	if device, err := loopOf(file); err != nil {
		return "", err
	} else if device != nil {
		defer device.Close()
		return device.Name(), nil
	}
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close()
	for range 100 {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", err
		}
		path := fmt.Sprintf("/dev/loop%d", number)
		// /dev may be a plain directory, in which nobody makes nodes for devices that come into being.
		if err := unix.Mknod(path, unix.S_IFBLK|0o660, int(unix.Mkdev(7, uint32(number)))); err != nil && !errors.Is(err, unix.EEXIST) {
			return "", err
		}
		device, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return "", err
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{Fd: uint32(backing.Fd())})
		device.Close()
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, unix.EBUSY) { // somebody else took it first
			return "", err
		}
	}
	return "", errors.New("no loop device is free")
}

// onLoop makes one request of a file's loop device, if it has one.
func onLoop(file string, request uint) error {
	device, err := loopOf(file)
	if err != nil || device == nil {
		return err
	}
	defer device.Close()
	return unix.IoctlSetInt(int(device.Fd()), request, 0)
}

func detachLoop(file string) error { return onLoop(file, unix.LOOP_CLR_FD) }

func resizeLoop(file string) error { return onLoop(file, unix.LOOP_SET_CAPACITY) }
