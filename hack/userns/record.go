// Records what the Go kubelet's own manager of user namespaces makes of ids, Pods' files and Pods that ask: the data of
// src/userns/recorded.test.ts. Run from hack/tools/kubernetes, whose go.mod pins the version:
//
//	go run ../../userns/record.go > ../../userns/recorded.json
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/kubelet/userns"
)

const unit = 65536

// step: one of a Pod that asks (with hostUsers as it says and the handler of its RuntimeClass), or one whose ids are given back.
type step struct {
	Ask       string `json:"ask,omitempty"`
	HostUsers *bool  `json:"hostUsers,omitempty"`
	Handler   string `json:"handler,omitempty"`
	Release   string `json:"release,omitempty"`
	// What came of it.
	Mode  string            `json:"mode,omitempty"`
	IDs   [][3]uint32       `json:"ids,omitempty"` // host, container, length; the same for groups
	Error string            `json:"error,omitempty"`
	Files map[string]string `json:"files"`
}

type record struct {
	Name      string            `json:"name"`
	IDsPerPod *int64            `json:"idsPerPod,omitempty"`
	First     uint32            `json:"first"`
	Length    uint32            `json:"length"`
	Mappings  string            `json:"mappings,omitempty"` // why the node's ids cannot be had
	MaxPods   int               `json:"maxPods"`
	Files     map[string]string `json:"files,omitempty"`
	Error     string            `json:"error,omitempty"` // of the start
	Steps     []step            `json:"steps,omitempty"`
}

type kubelet struct {
	root string
	r    *record
}

// The handlers of the runtime: "" and "vm" have user namespaces, "old" has none.
func (k *kubelet) HandlerSupportsUserNamespaces(handler string) (bool, error) {
	switch handler {
	case "", "vm":
		return true, nil
	case "old":
		return false, nil
	}
	return false, fmt.Errorf("the handler %q is not known", handler)
}
func (k *kubelet) GetPodDir(uid types.UID) string { return filepath.Join(k.root, string(uid)) }
func (k *kubelet) ListPodsFromDisk() ([]types.UID, error) {
	entries, err := os.ReadDir(k.root)
	var found []types.UID
	for _, entry := range entries {
		if entry.IsDir() {
			found = append(found, types.UID(entry.Name()))
		}
	}
	return found, err
}
func (k *kubelet) GetKubeletMappings(logr.Logger, uint32) (uint32, uint32, error) {
	if k.r.Mappings != "" {
		return 0, 0, errors.New(k.r.Mappings)
	}
	return k.r.First, k.r.Length, nil
}
func (k *kubelet) GetMaxPods() int { return k.r.MaxPods }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (k *kubelet) files() map[string]string {
	found := map[string]string{}
	pods, err := k.ListPodsFromDisk()
	must(err)
	for _, uid := range pods {
		if text, err := os.ReadFile(filepath.Join(k.GetPodDir(uid), "userns")); err == nil {
			found[string(uid)] = string(text)
		}
	}
	return found
}

func run(r *record) {
	root, err := os.MkdirTemp("", "userns")
	must(err)
	defer os.RemoveAll(root)
	k := &kubelet{root, r}
	for uid, text := range r.Files {
		must(os.MkdirAll(k.GetPodDir(types.UID(uid)), 0o750))
		must(os.WriteFile(filepath.Join(k.GetPodDir(types.UID(uid)), "userns"), []byte(text), 0o600))
	}
	m, err := userns.MakeUserNsManager(logr.Discard(), k, r.IDsPerPod)
	if err != nil {
		r.Error = err.Error()
		r.Steps = nil
		return
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Release != "" {
			m.Release(logr.Discard(), types.UID(s.Release))
		} else {
			pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(s.Ask)}}
			pod.Spec.HostUsers = s.HostUsers
			given, err := m.GetOrCreateUserNamespaceMappings(logr.Discard(), pod, s.Handler)
			if err != nil {
				s.Error = err.Error()
			} else {
				s.Mode = given.Mode.String()
				for _, id := range given.Uids {
					s.IDs = append(s.IDs, [3]uint32{id.HostId, id.ContainerId, id.Length})
				}
				if fmt.Sprint(given.Uids) != fmt.Sprint(given.Gids) {
					panic("ids of users and groups differ")
				}
			}
		}
		s.Files = k.files()
	}
}

func file(host, container, length int64) string {
	one := fmt.Sprintf(`[{"hostId":%d,"containerId":%d,"length":%d}]`, host, container, length)
	return fmt.Sprintf(`{"uidMappings":%s,"gidMappings":%s}`, one, one)
}

func main() {
	no, yes := false, true
	ask := func(uid string) step { return step{Ask: uid, HostUsers: &no} }
	release := func(uid string) step { return step{Release: uid} }
	perPod := func(n int64) *int64 { return &n }
	start := func(name string, first, length uint32, maxPods int, ids *int64) record {
		return record{Name: name, First: first, Length: length, MaxPods: maxPods, IDsPerPod: ids}
	}
	with := func(name string, files map[string]string, steps ...step) record {
		return record{Name: name, First: unit, Length: 2 * unit, MaxPods: 2, Files: files, Steps: steps}
	}
	one := func(text string) map[string]string { return map[string]string{"a": text} }
	all := []record{
		start("everything above the first", unit, 1<<32-unit, 110, nil),
		start("a row that does not begin at a multiple", 100000, 2*unit, 1, nil),
		start("the node's own ids", 0, 4*unit, 1, nil),
		start("a row of an odd length", unit, 100000, 1, nil),
		start("too few for all Pods", unit, 10*unit, 11, nil),
		start("just enough", unit, 11*unit, 11, nil),
		start("two units a Pod", 2*unit, 4*unit, 2, perPod(2*unit)),
		start("two units a Pod, from one on", unit, 4*unit, 2, perPod(2*unit)),
		start("no multiple of the unit a Pod", unit, 4*unit, 2, perPod(unit+1)),
		{Name: "ids that cannot be had", Mappings: "mismatched subuids and subgids for user \"kubelet\"", MaxPods: 1},
		with("asks, asks again, gives back", nil, ask("a"), ask("a"), release("a"), release("a"), release("b")),
		with("no user namespace asked for", nil, step{Ask: "a"}, step{Ask: "a", HostUsers: &yes}),
		with("handlers", nil, step{Ask: "a", HostUsers: &no, Handler: "old"},
			step{Ask: "a", HostUsers: &no, Handler: "gone"}, step{Ask: "a", HostUsers: &yes, Handler: "old"}),
		with("the last ones", map[string]string{"a": file(unit, 0, unit)}, ask("b"), ask("c"), release("a"), ask("c"), ask("d")),
		with("from before", map[string]string{"a": file(2*unit, 0, unit)}, ask("a"), ask("b"), release("a"), ask("c")),
		with("two Pods with one range", map[string]string{"a": file(unit, 0, unit), "b": file(unit, 0, unit)}),
		with("below the row", one(file(0, 0, unit))),
		with("above the row", one(file(3*unit, 0, unit))),
		with("between two ranges", one(file(unit+1, 0, unit))),
		with("of another length", one(file(unit, 0, 2*unit))),
		with("root is not mapped", one(file(unit, 1, unit))),
		with("users and groups differ", one(`{"uidMappings":[{"hostId":65536,"containerId":0,"length":65536}],"gidMappings":[{"hostId":131072,"containerId":0,"length":65536}]}`)),
		with("no groups", one(`{"uidMappings":[{"hostId":65536,"containerId":0,"length":65536}]}`)),
		with("two rows", one(`{"uidMappings":[{"hostId":65536,"containerId":0,"length":65536},{"hostId":131072,"containerId":65536,"length":65536}],"gidMappings":[]}`)),
		with("an empty object", one(`{}`)),
		with("an empty file", one(``), ask("a")),
		with("no JSON", one(`{"uidMappings":`)),
		with("a list", one(`[]`)),
		with("a negative id", one(file(-65536, 0, unit))),
		with("an id that is too large", one(file(1<<32, 0, unit))),
		with("a name for an id", one(`{"uidMappings":[{"hostId":"x"}]}`)),
		with("more fields, and others than 0 left out", one(`{"v":1,"uidMappings":[{"hostId":65536,"length":65536,"x":[]}],"gidMappings":[{"hostId":65536,"length":65536}]}`), ask("a")),
	}
	for i := range all {
		run(&all[i])
	}
	text, err := json.MarshalIndent(all, "", " ")
	must(err)
	fmt.Println(string(text))
}
