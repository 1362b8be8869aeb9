// Records checkpoint files as the Go kubelet writes them, with the text that each checksum is made of: the fixtures of
// src/k8s/kubeletCheckpoints.test.ts. Run from hack/tools/kubernetes, whose go.mod pins the version:
//
//	go run ../../checkpoints/record.go > ../../checkpoints/recorded.json
package main

import (
	"encoding/json"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	allocation "k8s.io/kubernetes/pkg/kubelet/allocation/state"
	"k8s.io/kubernetes/pkg/kubelet/checkpointmanager"
	cpu "k8s.io/kubernetes/pkg/kubelet/cm/cpumanager/state"
	"k8s.io/kubernetes/pkg/kubelet/cm/devicemanager/checkpoint"
	dra "k8s.io/kubernetes/pkg/kubelet/cm/dra/state"
	memory "k8s.io/kubernetes/pkg/kubelet/cm/memorymanager/state"
	"k8s.io/utils/cpuset"
	"k8s.io/utils/dump"
)

type recorded struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// The file's whole text.
	Text string `json:"text"`
	// What Go dumps of the value after the checksum was made, for looking at when a checksum differs.
	Dump string `json:"dump"`
}

var all []recorded

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func record(kind, name string, cp checkpointmanager.Checkpoint) {
	text := must(cp.MarshalCheckpoint())
	all = append(all, recorded{kind, name, string(text), dump.ForHash(cp)})
}

func devices() {
	entry := checkpoint.PodDevicesEntry{
		PodUID: "pod-1", ContainerName: "c", ResourceName: "vendor.example/gpu",
		DeviceIDs: checkpoint.DevicesPerNUMA{-1: {"z"}, 0: {"a", "b"}, 10: {}, 2: nil},
		AllocResp: []byte{0, 1, 254, 255},
	}
	other := checkpoint.PodDevicesEntry{PodUID: "pod-2", ContainerName: "ü <&>"}
	empty := checkpoint.PodDevicesEntry{AllocResp: []byte{}, DeviceIDs: checkpoint.DevicesPerNUMA{}}
	record("devices", "nil", checkpoint.New(nil, nil))
	record("devices", "empty", checkpoint.New([]checkpoint.PodDevicesEntry{}, map[string][]string{}))
	record("devices", "full", checkpoint.New([]checkpoint.PodDevicesEntry{entry, other, empty},
		map[string][]string{"b.example/x": {"1"}, "a.example/é": {}, "a.example/x": nil, "B": {"2", "3"}}))
}

func cpus() {
	entries := map[string]map[string]string{"pod-b": {"z": "2-3", "a": "4"}, "pod-a": {}, "pod-c": nil}
	record("cpu", "empty", &cpu.CPUManagerCheckpoint{PolicyName: "none",
		Entries: map[string]map[string]string{}, PodEntries: cpu.PodCPUAssignments{}})
	record("cpu", "full", &cpu.CPUManagerCheckpoint{PolicyName: "static", DefaultCPUSet: "0-1,5", Entries: entries,
		PodEntries: cpu.PodCPUAssignments{"pod-d": {CPUSet: cpuset.New(6, 7)}}})
	record("cpu2", "empty", &cpu.CPUManagerCheckpointV2{PolicyName: "none", Entries: map[string]map[string]string{}})
	record("cpu2", "full", &cpu.CPUManagerCheckpointV2{PolicyName: "static", DefaultCPUSet: "0-1,5", Entries: entries})
}

func memories() {
	table := func(n uint64) *memory.MemoryTable {
		return &memory.MemoryTable{TotalMemSize: n, SystemReserved: 1, Allocatable: n - 1, Reserved: 2, Free: n - 3}
	}
	nodes := memory.NUMANodeMap{
		0:  {NumberOfAssignments: 2, Cells: []int{0, 1}, MemoryMap: map[v1.ResourceName]*memory.MemoryTable{"memory": table(9007199254740993), "hugepages-2Mi": table(4096)}},
		10: {Cells: []int{}, MemoryMap: map[v1.ResourceName]*memory.MemoryTable{}},
		2:  {},
		3:  nil,
	}
	blocks := []memory.Block{{NUMAAffinity: []int{0, 1}, Type: v1.ResourceMemory, Size: 18446744073709551615}, {Type: "hugepages-1Gi"}}
	entries := memory.ContainerMemoryAssignments{"pod-b": {"z": blocks, "a": {}}, "pod-a": {"n": nil}}
	record("memory", "empty", &memory.MemoryManagerCheckpoint{PolicyName: "None", MachineState: memory.NUMANodeMap{},
		Entries: memory.ContainerMemoryAssignments{}, PodEntries: memory.PodMemoryAssignments{}})
	record("memory", "full", &memory.MemoryManagerCheckpoint{PolicyName: "Static", MachineState: nodes, Entries: entries,
		PodEntries: memory.PodMemoryAssignments{"pod-d": {MemoryBlocks: blocks}}})
	record("memory1", "full", &memory.MemoryManagerCheckpointV1{PolicyName: "Static", MachineState: nodes, Entries: entries})
}

func claims() {
	share := types.UID("share")
	list := dra.ClaimInfoStateList{{ClaimUID: "uid", ClaimName: "claim", Namespace: "ns", PodUIDs: sets.New("p2", "p1"),
		DriverState: map[string]dra.DriverState{"d.example": {Devices: []dra.Device{{PoolName: "p", DeviceName: "<d>",
			ShareID: &share, RequestNames: []string{"r"}, CDIDeviceIDs: []string{"v.example/c=d"}}}}}}}
	record("dra", "nil", must(dra.NewCheckpoint(nil)))
	record("dra", "full", must(dra.NewCheckpoint(list)))
}

func allocations() {
	requirements := v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("1Gi")}}
	record("allocation", "empty", must(allocation.NewCheckpoint(&allocation.PodResourceCheckpointInfo{})))
	record("allocation", "full", must(allocation.NewCheckpoint(&allocation.PodResourceCheckpointInfo{Entries: allocation.PodResourceInfoMap{
		"pod-b": {ContainerResources: map[string]v1.ResourceRequirements{"ü<": requirements}, PodLevelResources: &requirements}, "pod-a": {}}})))
}

func main() {
	devices()
	cpus()
	memories()
	claims()
	allocations()
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(all); err != nil {
		panic(err)
	}
}
