package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
)

// registry remembers node names with the password that each was first asked for with, as k3s does in Secrets, and their addresses.
type registry struct {
	sync.Mutex
	file  string
	nodes map[string]entry
}

type entry struct {
	Password  string   `json:"password"`
	Addresses []string `json:"addresses"`
}

func openRegistry(file string) (*registry, error) {
	r := &registry{file: file, nodes: map[string]entry{}}
	bytes, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(bytes, &r.nodes)
}

// admit is false when the name belongs to a node with another password.
func (r *registry) admit(name, password string, ips []net.IP) bool {
	r.Lock()
	defer r.Unlock()
	if known, ok := r.nodes[name]; ok && known.Password != password {
		return false
	}
	node := entry{Password: password}
	for _, ip := range ips {
		node.Addresses = append(node.Addresses, ip.String())
	}
	r.nodes[name] = node
	if err := os.WriteFile(r.file, marshal(r.nodes), 0o600); err != nil {
		panic(err)
	}
	return true
}

// at is the node that has an address.
func (r *registry) at(address string) (string, bool) {
	r.Lock()
	defer r.Unlock()
	for name, node := range r.nodes {
		for _, own := range node.Addresses {
			if own == address {
				return name, true
			}
		}
	}
	return "", false
}
