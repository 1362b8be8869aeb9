// Records what the Go kubelet's own device manager does on random machines with random Pods: the data of
// src/devices/rules/recorded.test.ts. It writes below /var/lib/kubelet, so it runs with an empty one of its own, and from
// hack/tools/kubernetes, whose go.mod pins the version:
//
//	unshare -m sh -c 'mount -t tmpfs none /var/lib/kubelet && go run ../../devices/record.go 10000' > ../../devices/recorded.jsonl.gz
package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	"google.golang.org/grpc"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/klog/v2"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
	"k8s.io/kubernetes/pkg/kubelet/cm/containermap"
	"k8s.io/kubernetes/pkg/kubelet/cm/devicemanager"
	"k8s.io/kubernetes/pkg/kubelet/cm/topologymanager"
	"k8s.io/kubernetes/pkg/kubelet/cm/topologymanager/bitmask"
)

const name = "vendor.example/gpu"

// container: kind (0 init, 1 sidecar, 2 main), devices, NUMA nodes it is to lie on as a mask (-1: anywhere).
type container [3]int

// A device: 1 if it is well, then its NUMA nodes.
type device []int

type result struct {
	Hints string   `json:"h"`
	Error string   `json:"e,omitempty"`
	Ids   []string `json:"i,omitempty"`
}

// A new Pod and what came of it, or the number of one that is gone, or a new list of devices.
type step struct {
	Add      []container `json:"a,omitempty"`
	PodHints string      `json:"p,omitempty"`
	Results  []result    `json:"x,omitempty"`
	Remove   *int        `json:"r,omitempty"`
	Devices  []device    `json:"d,omitempty"`
}

type record struct {
	Nodes     int    `json:"n"`
	Preferred bool   `json:"q,omitempty"`
	Steps     []step `json:"s"`
}

// store says where containers are to lie.
type store map[string]topologymanager.TopologyHint

func (s store) GetAffinity(pod, container string) topologymanager.TopologyHint { return s[container] }
func (s store) GetPolicy() topologymanager.Policy                              { return nil }
func (s store) Name() string                                                   { return "" }

type ready struct{}

func (ready) AddSource(string) {}
func (ready) AllReady() bool   { return true }

// fake is a plug-in that prefers the last devices by name.
type fake struct{ preferred bool }

func (f fake) API() pluginapi.DevicePluginClient { return f }
func (f fake) Resource() string                  { return name }
func (f fake) SocketPath() string                { return "" }

func (f fake) GetDevicePluginOptions(context.Context, *pluginapi.Empty, ...grpc.CallOption) (*pluginapi.DevicePluginOptions, error) {
	return &pluginapi.DevicePluginOptions{GetPreferredAllocationAvailable: f.preferred}, nil
}
func (f fake) ListAndWatch(context.Context, *pluginapi.Empty, ...grpc.CallOption) (grpc.ServerStreamingClient[pluginapi.ListAndWatchResponse], error) {
	return nil, io.EOF
}
func (f fake) GetPreferredAllocation(_ context.Context, r *pluginapi.PreferredAllocationRequest, _ ...grpc.CallOption) (*pluginapi.PreferredAllocationResponse, error) {
	asked := r.ContainerRequests[0]
	chosen := sets.New(asked.MustIncludeDeviceIDs...)
	available := append([]string{}, asked.AvailableDeviceIDs...)
	sort.Sort(sort.Reverse(sort.StringSlice(available)))
	for _, id := range available {
		if chosen.Len() >= int(asked.AllocationSize) {
			break
		}
		chosen.Insert(id)
	}
	return &pluginapi.PreferredAllocationResponse{ContainerResponses: []*pluginapi.ContainerPreferredAllocationResponse{{DeviceIDs: sets.List(chosen)}}}, nil
}
func (f fake) Allocate(context.Context, *pluginapi.AllocateRequest, ...grpc.CallOption) (*pluginapi.AllocateResponse, error) {
	return &pluginapi.AllocateResponse{ContainerResponses: []*pluginapi.ContainerAllocateResponse{{}}}, nil
}
func (f fake) PreStartContainer(context.Context, *pluginapi.PreStartContainerRequest, ...grpc.CallOption) (*pluginapi.PreStartContainerResponse, error) {
	return &pluginapi.PreStartContainerResponse{}, nil
}

func short(hints map[string][]topologymanager.TopologyHint) string {
	list, there := hints[name]
	if !there {
		return "absent"
	}
	if list == nil {
		return "anywhere"
	}
	var words []string
	for _, hint := range list {
		mask := 0
		for _, bit := range hint.NUMANodeAffinity.GetBits() {
			mask |= 1 << bit
		}
		word := strconv.Itoa(mask)
		if hint.Preferred {
			word += "!"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func randomDevices(r *rand.Rand, nodes int) []device {
	devices := make([]device, r.Intn(9))
	numa := r.Intn(3) > 0
	for i := range devices {
		d := device{1}
		if r.Intn(7) == 0 {
			d[0] = 0
		}
		if numa && r.Intn(6) > 0 {
			d = append(d, r.Intn(nodes))
			if r.Intn(6) == 0 {
				d = append(d, r.Intn(nodes))
			}
			if r.Intn(40) == 0 {
				d = append(d, 9)
			}
		}
		devices[i] = d
	}
	return devices
}

func listOf(devices []device) *pluginapi.ListAndWatchResponse {
	response := &pluginapi.ListAndWatchResponse{}
	for i, d := range devices {
		made := &pluginapi.Device{ID: fmt.Sprintf("d%d", i), Health: pluginapi.Unhealthy}
		if d[0] == 1 {
			made.Health = pluginapi.Healthy
		}
		for _, node := range d[1:] {
			if made.Topology == nil {
				made.Topology = &pluginapi.TopologyInfo{}
			}
			made.Topology.Nodes = append(made.Topology.Nodes, &pluginapi.NUMANode{ID: int64(node)})
		}
		response.Devices = append(response.Devices, made)
	}
	return response
}

func podOf(number int, containers []container) *v1.Pod {
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprintf("u%d", number)), Name: "p"}}
	always := v1.ContainerRestartPolicyAlways
	for i, c := range containers {
		made := v1.Container{Name: fmt.Sprintf("c%d", i)}
		made.Resources.Limits = v1.ResourceList{name: *resource.NewQuantity(int64(c[1]), resource.DecimalSI)}
		if c[0] == 1 {
			made.RestartPolicy = &always
		}
		if c[0] == 2 {
			pod.Spec.Containers = append(pod.Spec.Containers, made)
		} else {
			pod.Spec.InitContainers = append(pod.Spec.InitContainers, made)
		}
	}
	return pod
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func one(r *rand.Rand) record {
	os.RemoveAll(pluginapi.DevicePluginPath)
	made := record{Nodes: 1 + r.Intn(4), Preferred: r.Intn(2) == 0}
	var topology []cadvisorapi.Node
	for i := 0; i < made.Nodes; i++ {
		topology = append(topology, cadvisorapi.Node{Id: i})
	}
	where := store{}
	must(os.MkdirAll(pluginapi.DevicePluginPath, 0o755))
	manager, err := devicemanager.NewManagerImpl(topology, where)
	must(err)
	active := map[int]*v1.Pod{}
	pods := func() []*v1.Pod {
		var all []*v1.Pod
		for _, pod := range active {
			all = append(all, pod)
		}
		return all
	}
	logger := klog.Background()
	must(manager.Start(logger, pods, ready{}, containermap.NewContainerMap(), sets.New[string]()))
	must(manager.PluginConnected(context.Background(), name, fake{made.Preferred}))
	devices := randomDevices(r, made.Nodes)
	for number := 0; number < 2+r.Intn(7); number++ {
		if number == 0 || r.Intn(8) == 0 {
			if number > 0 {
				for i := range devices {
					if r.Intn(4) == 0 {
						devices[i] = append(device{1 - devices[i][0]}, devices[i][1:]...)
					}
				}
			}
			manager.PluginListAndWatchReceiver(logger, name, listOf(devices))
			made.Steps = append(made.Steps, step{Devices: append([]device{}, devices...)})
		}
		if len(active) > 0 && r.Intn(3) == 0 {
			for gone := range active {
				number := gone
				delete(active, number)
				made.Steps = append(made.Steps, step{Remove: &number})
				break
			}
		}
		var containers []container
		for i := r.Intn(3); i > 0; i-- {
			containers = append(containers, container{r.Intn(2), r.Intn(4), 0})
		}
		for i := 1 + r.Intn(2); i > 0; i-- {
			containers = append(containers, container{2, r.Intn(4), 0})
		}
		for i := range containers {
			containers[i][2] = r.Intn(1<<made.Nodes+2) - 1
			if containers[i][2] == 0 || containers[i][2] >= 1<<made.Nodes {
				containers[i][2] = -1
			}
			hint := topologymanager.TopologyHint{}
			if containers[i][2] > 0 {
				var bits []int
				for bit := 0; bit < made.Nodes; bit++ {
					if containers[i][2]&(1<<bit) != 0 {
						bits = append(bits, bit)
					}
				}
				hint.NUMANodeAffinity, _ = bitmask.NewBitMask(bits...)
			}
			where[fmt.Sprintf("c%d", i)] = hint
		}
		pod := podOf(number, containers)
		active[number] = pod
		added := step{Add: containers, PodHints: short(manager.GetPodTopologyHints(pod))}
		all := append(append([]v1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
		for i := range all {
			is := result{Hints: short(manager.GetTopologyHints(pod, &all[i]))}
			if err := manager.Allocate(pod, &all[i]); err != nil {
				is.Error = err.Error()
				delete(active, number)
			} else {
				for id := range manager.GetDevices(string(pod.UID), all[i].Name)[name] {
					is.Ids = append(is.Ids, id)
				}
				sort.Strings(is.Ids)
			}
			added.Results = append(added.Results, is)
			if is.Error != "" {
				break
			}
		}
		made.Steps = append(made.Steps, added)
	}
	must(manager.Stop(logger))
	return made
}

func main() {
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	count, err := strconv.Atoi(os.Args[1])
	must(err)
	out := gzip.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for i := 0; i < count; i++ {
		must(encoder.Encode(one(rand.New(rand.NewSource(int64(i))))))
	}
	must(out.Close())
}
