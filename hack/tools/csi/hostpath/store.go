package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// volume is one directory of the store: what is known of it in volume.json, what is in it beside that.
type volume struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Size       int64             `json:"size"`
	Block      bool              `json:"block"`
	Snapshot   bool              `json:"snapshot"`
	Source     string            `json:"source"`
	Ephemeral  bool              `json:"ephemeral"`
	Created    int64             `json:"created"`
	Parameters map[string]string `json:"parameters"`
	Staged     map[string]bool   `json:"staged"`
	Published  map[string]bool   `json:"published"`
}

type store struct{ directory string }

// idOf gives one name always the same id, so that a call that is made again finds what the first one made.
func idOf(kind, name string) string {
	return fmt.Sprintf("%s-%x", kind, sha256.Sum256([]byte(name)))[:len(kind)+17]
}

func (s store) place(id string) string { return filepath.Join(s.directory, id) }

// data is the volume's directory, or its file when it is a block volume.
func (s store) data(v *volume) string { return filepath.Join(s.place(v.ID), "data") }

// get reads a volume; NotFound when there is none.
func (s store) get(id string) (*volume, error) {
	if id == "" || strings.ContainsAny(id, "/") || strings.HasPrefix(id, ".") {
		return nil, status.Errorf(codes.InvalidArgument, "%q is no volume id", id)
	}
	text, err := os.ReadFile(filepath.Join(s.place(id), "volume.json"))
	if os.IsNotExist(err) {
		return nil, status.Errorf(codes.NotFound, "there is no volume %s", id)
	}
	if err != nil {
		return nil, err
	}
	v := &volume{}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, err
	}
	if v.Staged == nil {
		v.Staged = map[string]bool{}
	}
	if v.Published == nil {
		v.Published = map[string]bool{}
	}
	return v, nil
}

// put writes what is known of a volume, whole or not at all.
func (s store) put(v *volume) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	file := filepath.Join(s.place(v.ID), "volume.json")
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// create makes a volume that is not there, with the content of `source` when that is given.
func (s store) create(v *volume, source *volume) error {
	if err := os.MkdirAll(s.place(v.ID), 0o700); err != nil {
		return err
	}
	switch data := s.data(v); {
	case source != nil:
		if err := copyTree(s.data(source), data); err != nil {
			return err
		}
		if v.Block {
			if err := os.Truncate(data, v.Size); err != nil {
				return err
			}
		}
	case v.Block:
		if err := os.WriteFile(data, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(data, v.Size); err != nil {
			return err
		}
	default:
		if err := os.MkdirAll(data, 0o777); err != nil {
			return err
		}
		// Whatever the umask is: Pods of any user write here.
		if err := os.Chmod(data, 0o777); err != nil {
			return err
		}
	}
	return s.put(v)
}

// copyTree copies a file or directory with owners and modes, holes left holes.
func copyTree(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying %s: %s", from, strings.TrimSpace(string(out)))
	}
	return nil
}

func (s store) remove(id string) error { return os.RemoveAll(s.place(id)) }

// all lists the volumes that can be read.
func (s store) all() []*volume {
	entries, _ := os.ReadDir(s.directory)
	var list []*volume
	for _, entry := range entries {
		if v, err := s.get(entry.Name()); err == nil {
			list = append(list, v)
		}
	}
	return list
}
