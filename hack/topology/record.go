// Records what the Go kubelet's own CPU, memory and topology managers do on random machines with random Pods: the data of
// src/ledger/rules/topology/recorded.test.ts. Run from hack/tools/kubernetes, whose go.mod pins the version:
//
//	go run ../../topology/record.go 10000 > ../../topology/recorded.jsonl.gz
//	go run ../../topology/record.go 3000 pods > ../../topology/recordedPods.jsonl.gz
//
// The second one is of Pods with resources as a whole (feature gate PodLevelResourceManagers). Its kubelet is never restarted: Go would give
// such Pods their resources a second time.
package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	cadvisorapi "github.com/google/cadvisor/info/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm/containermap"
	"k8s.io/kubernetes/pkg/kubelet/cm/cpumanager"
	"k8s.io/kubernetes/pkg/kubelet/cm/memorymanager"
	"k8s.io/kubernetes/pkg/kubelet/cm/topologymanager"
	"k8s.io/kubernetes/pkg/kubelet/lifecycle"
	"k8s.io/utils/cpuset"
)

const gi = 1 << 30
const mi = 1 << 20

// machine is built anew by the test from the same numbers: see build in both.
type machine struct {
	Sockets        int   `json:"s"`
	NodesPerSocket int   `json:"n"` // 0: SocketsPerNode sockets make one NUMA node
	SocketsPerNode int   `json:"p,omitempty"`
	Cores          int   `json:"c"` // in a NUMA node; with SocketsPerNode: in a socket
	Threads        int   `json:"t"`
	CacheCores     int   `json:"u,omitempty"` // cores that share one uncore cache; 0: no such caches
	Far            bool  `json:"f,omitempty"` // siblings are numbered far apart
	Gap            int   `json:"g"`           // between ids of NUMA nodes
	Memory         int   `json:"m"`           // GiB of the first node
	Step           int   `json:"d,omitempty"` // GiB more of each further one
	Huge2Mi        int   `json:"h,omitempty"` // pages of each node
	Huge1Gi        int   `json:"i,omitempty"`
	Offline        []int `json:"o,omitempty"`
}

type setup struct {
	CPU      bool              `json:"c,omitempty"` // static
	Options  map[string]string `json:"o,omitempty"`
	Reserved int               `json:"r,omitempty"` // thousandths of a CPU
	Specific string            `json:"s,omitempty"` // reservedSystemCPUs
	Memory   []int             `json:"m,omitempty"` // Static: MiB that each node reserves
	Policy   string            `json:"p"`
	Scope    string            `json:"q"`
	Topology map[string]string `json:"t,omitempty"`
}

// wholePods: Pods have resources as a whole.
var wholePods bool

// container: kind (0 init, 1 sidecar, 2 main), CPU in thousandths, memory in MiB, hugepages-2Mi in MiB, hugepages-1Gi in GiB.
type container [5]int

// step: one of a new Pod, a Pod that is gone, main containers that start, a restart of the kubelet; and what came of it.
type step struct {
	Add        []container `json:"a,omitempty"`
	Whole      []int       `json:"w,omitempty"` // of the Pod: as a container, without its kind
	Burstable  bool        `json:"b,omitempty"`
	Remove     *int        `json:"r,omitempty"`
	Start      *int        `json:"s,omitempty"`
	Restart    bool        `json:"k,omitempty"`
	Error      string      `json:"e,omitempty"`
	Containers []string    `json:"x,omitempty"`
}

type record struct {
	Machine machine `json:"m"`
	Setup   setup   `json:"c"`
	Error   string  `json:"e,omitempty"`
	Steps   []step  `json:"s,omitempty"`
	Default string  `json:"d,omitempty"`
	Numa    string  `json:"n,omitempty"`
	// Of cpu_manager_state; and of memory_manager_state, unless a container has two kinds of memory or some spans nodes: Go writes the
	// former and takes back the latter in any order.
	Sums []uint64 `json:"z,omitempty"`
}

func build(m machine) *cadvisorapi.MachineInfo {
	nodes := m.Sockets * m.NodesPerSocket
	perSocket := m.NodesPerSocket
	if m.SocketsPerNode > 0 {
		nodes, perSocket = m.Sockets/m.SocketsPerNode, 1
	}
	info := &cadvisorapi.MachineInfo{NumSockets: m.Sockets}
	for i := 0; i < nodes; i++ {
		node := cadvisorapi.Node{Id: i * m.Gap, Memory: uint64(m.Memory+i*m.Step) * gi}
		if m.Huge2Mi > 0 {
			node.HugePages = append(node.HugePages, cadvisorapi.HugePagesInfo{PageSize: 2048, NumPages: uint64(m.Huge2Mi)})
		}
		if m.Huge1Gi > 0 {
			node.HugePages = append(node.HugePages, cadvisorapi.HugePagesInfo{PageSize: 1 << 20, NumPages: uint64(m.Huge1Gi)})
		}
		for j := 0; j < nodes; j++ {
			d := 10
			if i != j {
				d = 10 + (i*j*7+(i+j)*3)%22
			}
			node.Distances = append(node.Distances, uint64(d))
		}
		info.Topology = append(info.Topology, node)
	}
	offline := map[int]bool{}
	for _, cpu := range m.Offline {
		offline[cpu] = true
	}
	total := m.Sockets * perSocket * m.Cores
	for k := 0; k < total; k++ {
		socket := k / (perSocket * m.Cores)
		node := k / m.Cores
		if m.SocketsPerNode > 0 {
			node = socket / m.SocketsPerNode
		}
		core := cadvisorapi.Core{Id: k, SocketID: socket}
		if m.CacheCores > 0 {
			core.UncoreCaches = []cadvisorapi.Cache{{Id: k / m.CacheCores}}
		}
		for t := 0; t < m.Threads; t++ {
			cpu := k*m.Threads + t
			if m.Far {
				cpu = t*total + k
			}
			if !offline[cpu] {
				core.Threads = append(core.Threads, cpu)
			}
		}
		if len(core.Threads) == 0 {
			continue
		}
		info.NumCores += len(core.Threads)
		info.Topology[node].Cores = append(info.Topology[node].Cores, core)
	}
	return info
}

func randomMachine(r *rand.Rand) machine {
	pick := func(of ...int) int { return of[r.Intn(len(of))] }
	m := machine{Sockets: pick(1, 1, 2, 2, 4), NodesPerSocket: pick(1, 1, 1, 2, 2, 4), Threads: pick(1, 2, 2, 2), Cores: pick(1, 2, 3, 4, 4, 6, 8),
		Far: r.Intn(2) == 0, Gap: 1, Memory: pick(2, 4, 8, 16), Step: pick(0, 0, 1)}
	if m.Sockets*m.NodesPerSocket > 8 {
		m.NodesPerSocket = 2
	}
	if r.Intn(10) == 0 && m.Sockets > 1 {
		m.NodesPerSocket, m.SocketsPerNode = 0, 2
	}
	if r.Intn(3) > 0 {
		// None lies on two nodes: Go counts such a cache twice, and gives too few CPUs.
		for m.CacheCores = pick(1, 2, 3, 4, 6); m.Cores%m.CacheCores != 0; m.CacheCores-- {
		}
	}
	// Go tries every combination of hints: with huge pages on many nodes it would take minutes.
	if few := m.Sockets*m.NodesPerSocket <= 4; few && r.Intn(4) == 0 {
		m.Huge2Mi = pick(64, 256)
	} else if few && r.Intn(6) == 0 {
		m.Huge1Gi = 1
	}
	if r.Intn(12) == 0 {
		m.Gap = 2
	}
	// The same core of each node is offline: where cores or sockets differ in their number of CPUs, Go gives CPUs that are not free.
	if m.Cores > 1 && r.Intn(8) == 0 {
		total := m.Sockets * max(m.NodesPerSocket, 1) * m.Cores
		for core := r.Intn(m.Cores); core < total; core += m.Cores {
			for t := 0; t < m.Threads; t++ {
				cpu := core*m.Threads + t
				if m.Far {
					cpu = t*total + core
				}
				m.Offline = append(m.Offline, cpu)
			}
		}
	}
	return m
}

func randomSetup(r *rand.Rand, m machine, info *cadvisorapi.MachineInfo) setup {
	policies := []string{"none", "best-effort", "best-effort", "restricted", "restricted", "single-numa-node"}
	c := setup{CPU: r.Intn(8) > 0, Policy: policies[r.Intn(len(policies))], Scope: []string{"container", "container", "pod"}[r.Intn(3)]}
	if c.Policy != "none" && m.Gap == 1 && r.Intn(3) == 0 {
		c.Topology = map[string]string{"prefer-closest-numa-nodes": "true"}
	}
	if c.CPU {
		c.Options = map[string]string{}
		for _, name := range []string{"full-pcpus-only", "distribute-cpus-across-numa", "align-by-socket", "distribute-cpus-across-cores", "strict-cpu-reservation", "prefer-align-cpus-by-uncorecache"} {
			if r.Intn(4) == 0 {
				c.Options[name] = "true"
			}
		}
		c.Reserved = []int{0, 100, 500, 1000, 1000, 1500, 2000, 2000, 3000}[r.Intn(9)]
		if r.Intn(3) == 0 {
			cpus := cpuset.New(r.Intn(info.NumCores))
			if r.Intn(2) == 0 {
				cpus = cpus.Union(cpuset.New(r.Intn(info.NumCores)))
			}
			c.Specific, c.Reserved = cpus.String(), cpus.Size()*1000
		}
	}
	if r.Intn(4) > 0 {
		for range info.Topology {
			c.Memory = append(c.Memory, []int{0, 100, 512}[r.Intn(3)])
		}
	}
	return c
}

func quantity(n int64) resource.Quantity { return *resource.NewQuantity(n, resource.BinarySI) }

func podOf(index int, s step) *v1.Pod {
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID("p" + strconv.Itoa(index)), Name: "p", Namespace: "d"}}
	always := v1.ContainerRestartPolicyAlways
	amounts := func(c []int) v1.ResourceList {
		list := v1.ResourceList{}
		if c[0] > 0 {
			list[v1.ResourceCPU] = *resource.NewMilliQuantity(int64(c[0]), resource.DecimalSI)
		}
		if c[1] > 0 {
			list[v1.ResourceMemory] = quantity(int64(c[1]) * mi)
		}
		if c[2] > 0 {
			list["hugepages-2Mi"] = quantity(int64(c[2]) * mi)
		}
		if c[3] > 0 {
			list["hugepages-1Gi"] = quantity(int64(c[3]) * gi)
		}
		return list
	}
	if s.Whole != nil {
		pod.Spec.Resources = &v1.ResourceRequirements{Requests: amounts(s.Whole), Limits: amounts(s.Whole)}
	}
	for i, c := range s.Add {
		list := amounts(c[1:])
		one := v1.Container{Name: "c" + strconv.Itoa(i), Resources: v1.ResourceRequirements{Requests: list, Limits: list}}
		if s.Burstable {
			one.Resources.Limits = nil
		}
		switch c[0] {
		case 2:
			pod.Spec.Containers = append(pod.Spec.Containers, one)
			continue
		case 1:
			one.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, one)
	}
	return pod
}

func randomPod(r *rand.Rand, m machine, info *cadvisorapi.MachineInfo) step {
	s := step{Burstable: r.Intn(12) == 0}
	kinds := []int{2}
	for i := r.Intn(3); i > 0; i-- {
		kinds = append([]int{r.Intn(2)}, kinds...)
	}
	if r.Intn(3) == 0 {
		kinds = append(kinds, 2)
	}
	perNode := info.NumCores/len(info.Topology) + 1
	for _, kind := range kinds {
		cpu := 1000 * (1 + r.Intn(perNode))
		switch r.Intn(8) {
		case 0:
			cpu = 1000 * (1 + r.Intn(info.NumCores))
		case 1:
			cpu = 500
		case 2, 3:
			cpu = 1000 * m.Threads * (1 + r.Intn(2))
		}
		c := container{kind, cpu, 64 * (1 + r.Intn(m.Memory*8)), 0, 0}
		if r.Intn(8) == 0 {
			c[2] = 1024 * (1 + r.Intn(m.Memory*2))
		}
		if m.Huge2Mi > 0 && r.Intn(3) == 0 {
			c[3] = 2 * (1 + r.Intn(m.Huge2Mi))
		}
		if m.Huge1Gi > 0 && r.Intn(4) == 0 {
			c[4] = 1 + r.Intn(2)
		}
		if wholePods {
			switch r.Intn(6) {
			case 0, 1, 2:
				c = container{kind, 0, 0, 0, 0} // shares
			case 3:
				c[2+r.Intn(3)] = 0
			}
		}
		s.Add = append(s.Add, c)
	}
	if wholePods {
		s.Burstable = false
		s.Whole = make([]int, 4)
		for i := range s.Whole {
			sidecars, start, long := 0, 0, 0
			for _, c := range s.Add {
				switch c[0] {
				case 0:
					start = max(start, sidecars+c[i+1])
				case 1:
					sidecars += c[i+1]
				case 2:
					long += c[i+1]
				}
			}
			s.Whole[i] = max(start, sidecars+long)
		}
		s.Whole[0] = (s.Whole[0]+999)/1000*1000 + []int{0, 0, 1000, 1000, 2000, 500}[r.Intn(6)]
		s.Whole[1] += []int{0, 0, 64, 256, 1024}[r.Intn(5)]
		s.Whole[0], s.Whole[1] = max(s.Whole[0], 1000), max(s.Whole[1], 64)
		if m.Huge2Mi > 0 && r.Intn(4) == 0 {
			s.Whole[2] += 2
		}
	}
	return s
}

// kubelet is what the managers are plugged into.
type kubelet struct {
	dir      string
	pods     []*v1.Pod
	topology topologymanager.Manager
	cpu      cpumanager.Manager
	memory   memorymanager.Manager
}

func (k *kubelet) AddSource(string)                            {}
func (k *kubelet) AllReady() bool                              { return true }
func (k *kubelet) GetPodStatus(types.UID) (v1.PodStatus, bool) { return v1.PodStatus{}, false }
func (k *kubelet) active() []*v1.Pod                           { return append([]*v1.Pod{}, k.pods...) }
func (k *kubelet) UpdateContainerResources(context.Context, string, *runtimeapi.ContainerResources) error {
	return nil
}

func (k *kubelet) start(info *cadvisorapi.MachineInfo, c setup) (err error) {
	if k.topology, err = topologymanager.NewManager(info.Topology, c.Policy, c.Scope, c.Topology); err != nil {
		return err
	}
	reservation := v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(int64(c.Reserved), resource.DecimalSI)}
	specific, err := cpuset.Parse(c.Specific)
	if err != nil {
		return err
	}
	policy, total := "none", int64(0)
	if c.CPU {
		policy = "static"
	}
	if k.cpu, err = cpumanager.NewManager(logr.Discard(), policy, c.Options, 24*time.Hour, info, specific, reservation, k.dir, k.topology); err != nil {
		return err
	}
	k.topology.AddHintProvider(klog.Background(), k.cpu)
	memory := "None"
	var reserved []kubeletconfig.MemoryReservation
	if c.Memory != nil {
		memory = "Static"
		for i, n := range c.Memory {
			total += int64(n) * mi
			if n > 0 {
				reserved = append(reserved, kubeletconfig.MemoryReservation{NumaNode: int32(info.Topology[i].Id), Limits: v1.ResourceList{v1.ResourceMemory: quantity(int64(n) * mi)}})
			}
		}
	}
	reservation[v1.ResourceMemory] = quantity(total)
	if k.memory, err = memorymanager.NewManager(klog.Background(), memory, info, reservation, reserved, k.dir, k.topology); err != nil {
		return err
	}
	k.topology.AddHintProvider(klog.Background(), k.memory)
	ctx := context.Background()
	if err := k.cpu.Start(ctx, k.active, k, k, k, containermap.NewContainerMap()); err != nil {
		return err
	}
	return k.memory.Start(ctx, k.active, k, k, k, containermap.NewContainerMap())
}

func (k *kubelet) admit(pod *v1.Pod) (string, []string) {
	result := k.topology.Admit(&lifecycle.PodAdmitAttributes{Pod: pod, OtherPods: k.active(), Operation: lifecycle.AddOperation})
	if !result.Admit {
		return result.Reason + ": " + result.Message, nil
	}
	return "", k.grants(pod)
}

func (k *kubelet) grants(pod *v1.Pod) []string {
	var all []string
	for _, c := range append(append([]v1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
		text := k.cpu.GetExclusiveCPUs(string(pod.UID), c.Name).String()
		blocks := k.memory.GetMemory(string(pod.UID), c.Name)
		sort.Slice(blocks, func(i, j int) bool { return blocks[i].Type > blocks[j].Type })
		for _, b := range blocks {
			text += fmt.Sprintf(" %s@%s", strconv.FormatUint(b.Size/mi, 10), cpuset.New(b.NUMAAffinity...).String())
		}
		all = append(all, text)
	}
	return all
}

// flush has the managers give back what Pods that are gone held, as they do when the next Pod asks.
func (k *kubelet) flush() {
	k.cpu.GetTopologyHints(&v1.Pod{}, &v1.Container{})
	k.memory.GetTopologyHints(&v1.Pod{}, &v1.Container{})
}

// mixed tells whether memory lies on one node of a group alone. Go then accepts its own state file or not, by the order of a map.
func (k *kubelet) mixed() bool {
	state := k.memory.State().GetMachineState()
	for _, node := range state {
		for _, cell := range node.Cells {
			if fmt.Sprint(state[cell].Cells) != fmt.Sprint(node.Cells) {
				return true
			}
		}
	}
	return false
}

func checksum(file string) uint64 {
	var content struct {
		Checksum uint64 `json:"checksum"`
	}
	blob, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(blob, &content); err != nil {
		panic(err)
	}
	return content.Checksum
}

func run(seed int64, dir string) record {
	r := rand.New(rand.NewSource(seed))
	m := randomMachine(r)
	info := build(m)
	out := record{Machine: m, Setup: randomSetup(r, m, info)}
	k := &kubelet{dir: dir}
	if err := k.start(info, out.Setup); err != nil {
		out.Error = err.Error()
		return out
	}
	var all, admitted []*v1.Pod
	simple := true
	drop := func(from []*v1.Pod, pod *v1.Pod) (rest []*v1.Pod) {
		for _, one := range from {
			if one != pod {
				rest = append(rest, one)
			}
		}
		return rest
	}
	for i := 3 + r.Intn(5); i > 0; i-- {
		for _, node := range k.memory.State().GetMachineState() {
			simple = simple && len(node.Cells) == 1
		}
		choice := r.Intn(10)
		switch {
		case choice == 0 && len(admitted) > 0:
			index := r.Intn(len(all))
			out.Steps = append(out.Steps, step{Remove: &index})
			admitted, k.pods = drop(admitted, all[index]), drop(k.pods, all[index])
		case choice == 1 && len(admitted) > 0:
			index := r.Intn(len(all))
			pod := all[index]
			if len(drop(admitted, pod)) == len(admitted) {
				continue
			}
			for c := range pod.Spec.Containers {
				k.cpu.AddContainer(logr.Discard(), pod, &pod.Spec.Containers[c], string(pod.UID)+strconv.Itoa(c))
				k.memory.AddContainer(klog.Background(), pod, &pod.Spec.Containers[c], string(pod.UID)+strconv.Itoa(c))
			}
			out.Steps = append(out.Steps, step{Start: &index, Containers: k.grants(pod)})
		case choice == 2 && len(admitted) > 0 && !wholePods && !k.mixed():
			s := step{Restart: true}
			k.flush()
			k = &kubelet{dir: dir, pods: k.pods}
			if err := k.start(info, out.Setup); err != nil {
				s.Error = err.Error()
				out.Steps = append(out.Steps, s)
				return out
			}
			for _, pod := range append([]*v1.Pod{}, admitted...) {
				message, containers := k.admit(pod)
				if message != "" {
					containers = []string{message}
					admitted, k.pods = drop(admitted, pod), drop(k.pods, pod)
				}
				s.Containers = append(s.Containers, containers...)
			}
			out.Steps = append(out.Steps, s)
		default:
			s := randomPod(r, m, info)
			pod := podOf(len(all), s)
			for _, c := range s.Add {
				simple = simple && c[3] == 0 && c[4] == 0
			}
			if s.Whole != nil {
				simple = simple && s.Whole[2] == 0 && s.Whole[3] == 0
			}
			all = append(all, pod)
			k.pods = append(k.pods, pod)
			s.Error, s.Containers = k.admit(pod)
			if s.Error != "" {
				k.pods = drop(k.pods, pod)
			} else {
				admitted = append(admitted, pod)
			}
			out.Steps = append(out.Steps, s)
		}
	}
	k.flush()
	out.Default = k.cpu.State().GetDefaultCPUSet().String()
	state := k.memory.State().GetMachineState()
	for _, node := range state {
		simple = simple && len(node.Cells) == 1
	}
	var ids []int
	for id := range state {
		ids = append(ids, id)
	}
	sort.Ints(ids)
	for _, id := range ids {
		// Go gives back the containers of a Pod in any order, so within a group of nodes only the sum is sure.
		node := state[id]
		out.Numa += fmt.Sprintf("%d %v", node.NumberOfAssignments, node.Cells)
		for _, name := range []v1.ResourceName{"memory", "hugepages-2Mi", "hugepages-1Gi"} {
			if _, ok := node.MemoryMap[name]; ok {
				reserved, free := uint64(0), uint64(0)
				for _, cell := range node.Cells {
					reserved += state[cell].MemoryMap[name].Reserved
					free += state[cell].MemoryMap[name].Free
				}
				out.Numa += fmt.Sprintf(" %d/%d", reserved/mi, free/mi)
			}
		}
		out.Numa += ";"
	}
	out.Sums = []uint64{checksum(filepath.Join(dir, "cpu_manager_state")), 0}
	if simple {
		out.Sums[1] = checksum(filepath.Join(dir, "memory_manager_state"))
	}
	return out
}

func main() {
	flags := flag.NewFlagSet("", flag.PanicOnError)
	klog.InitFlags(flags)
	klog.SetOutput(io.Discard)
	_ = flags.Set("logtostderr", "false")
	klog.SetLogger(logr.Discard())
	if err := utilfeature.DefaultMutableFeatureGate.Set("CPUManagerPolicyAlphaOptions=true"); err != nil {
		panic(err)
	}
	if wholePods = len(os.Args) > 2 && os.Args[2] == "pods"; wholePods {
		if err := utilfeature.DefaultMutableFeatureGate.Set("PodLevelResourceManagers=true"); err != nil {
			panic(err)
		}
	}
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	root, err := os.MkdirTemp("/dev/shm", "topology")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	packed, _ := gzip.NewWriterLevel(os.Stdout, gzip.BestCompression)
	lines := json.NewEncoder(packed)
	lines.SetEscapeHTML(false)
	for seed, done := int64(1), 0; done < count; seed++ {
		dir := filepath.Join(root, strconv.FormatInt(seed, 10))
		if err := os.Mkdir(dir, 0o700); err != nil {
			panic(err)
		}
		result := make(chan *record, 1)
		go func() {
			defer func() {
				if problem := recover(); problem != nil {
					fmt.Fprintf(os.Stderr, "seed %d: Go panics: %v\n", seed, problem)
					result <- nil
				}
			}()
			one := run(seed, dir)
			result <- &one
		}()
		select {
		case one := <-result:
			if one == nil {
				break
			}
			if err := lines.Encode(one); err != nil {
				panic(err)
			}
			done++
		case <-time.After(5 * time.Second):
			m := randomMachine(rand.New(rand.NewSource(seed)))
			fmt.Fprintf(os.Stderr, "seed %d: Go does not come to an end on %+v\n", seed, m)
		}
		_ = os.RemoveAll(dir)
	}
	if err := packed.Close(); err != nil {
		panic(err)
	}
}
