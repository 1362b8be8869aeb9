package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// capacity is what the node is said to have, and the largest volume, in bytes.
const capacity = 1 << 40

type controller struct {
	csi.UnimplementedControllerServer
	*driver
}

func (d *controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	kinds := []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	}
	if d.attach {
		kinds = append(kinds, csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME)
	}
	if d.modify {
		kinds = append(kinds, csi.ControllerServiceCapability_RPC_MODIFY_VOLUME)
	}
	answer := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range kinds {
		rpc := &csi.ControllerServiceCapability_RPC{Type: kind}
		capability := &csi.ControllerServiceCapability{Type: &csi.ControllerServiceCapability_Rpc{Rpc: rpc}}
		answer.Capabilities = append(answer.Capabilities, capability)
	}
	return answer, nil
}

// source finds the volume or snapshot that a new volume begins as; nil when it begins empty.
func (d *controller) source(request *csi.CreateVolumeRequest) (*volume, error) {
	content := request.GetVolumeContentSource()
	if snapshot := content.GetSnapshot(); snapshot != nil {
		return d.store.get(snapshot.GetSnapshotId())
	}
	if other := content.GetVolume(); other != nil {
		return d.store.get(other.GetVolumeId())
	}
	return nil, nil
}

func (d *controller) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	block := slices.ContainsFunc(request.GetVolumeCapabilities(), func(c *csi.VolumeCapability) bool { return c.GetBlock() != nil })
	size := request.GetCapacityRange().GetRequiredBytes()
	if size > capacity {
		return nil, status.Errorf(codes.OutOfRange, "%d bytes are more than %d", size, int64(capacity))
	}
	if err := d.checkMutable(request.GetMutableParameters()); err != nil {
		return nil, err
	}
	id := idOf("vol", request.GetName())
	v, err := d.store.get(id)
	if status.Code(err) == codes.NotFound {
		var source *volume
		if source, err = d.source(request); err != nil {
			return nil, err
		}
		if source != nil && (source.Block != block || source.Size > size) {
			return nil, status.Errorf(codes.InvalidArgument, "%s is of another mode, or larger", source.ID)
		}
		v = &volume{ID: id, Name: request.GetName(), Size: size, Block: block, Parameters: request.GetMutableParameters()}
		err = d.store.create(v, source)
	}
	if err != nil {
		return nil, err
	}
	if v.Block != block || v.Size < size {
		return nil, status.Errorf(codes.AlreadyExists, "%s is there in another shape", request.GetName())
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId:           id,
		CapacityBytes:      v.Size,
		VolumeContext:      request.GetParameters(),
		ContentSource:      request.GetVolumeContentSource(),
		AccessibleTopology: []*csi.Topology{d.topology()},
	}}, nil
}

func (d *controller) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	v, err := d.store.get(request.GetVolumeId())
	if status.Code(err) == codes.NotFound {
		return &csi.DeleteVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	if d.strict && len(v.Staged)+len(v.Published) > 0 {
		return nil, status.Errorf(codes.Internal, "%s is deleted while it is staged or published", v.ID)
	}
	return &csi.DeleteVolumeResponse{}, d.store.remove(v.ID)
}

// ControllerPublishVolume has nothing to do: the volume lies on its node.
func (d *controller) ControllerPublishVolume(_ context.Context, request *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	if request.GetNodeId() == "" || request.GetVolumeCapability() == nil {
		return nil, status.Error(codes.InvalidArgument, "the request has no node, or no volume capability")
	}
	if request.GetNodeId() != d.nodeID {
		return nil, status.Errorf(codes.NotFound, "there is no node %s", request.GetNodeId())
	}
	if _, err := d.store.get(request.GetVolumeId()); err != nil {
		return nil, err
	}
	return &csi.ControllerPublishVolumeResponse{}, nil
}

func (d *controller) ControllerUnpublishVolume(_ context.Context, request *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	if request.GetVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "the request has no volume id")
	}
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}

func (d *controller) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if _, err := d.store.get(request.GetVolumeId()); err != nil {
		return nil, err
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeCapabilities: request.GetVolumeCapabilities(),
	}}, nil
}

func (d *controller) GetCapacity(context.Context, *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	return &csi.GetCapacityResponse{AvailableCapacity: capacity}, nil
}

func (d *controller) ControllerExpandVolume(_ context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	v, err := d.store.get(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	size := request.GetCapacityRange().GetRequiredBytes()
	if size > capacity {
		return nil, status.Errorf(codes.OutOfRange, "%d bytes are more than %d", size, int64(capacity))
	}
	if v.Size < size {
		if v.Block {
			if err := os.Truncate(d.store.data(v), size); err != nil {
				return nil, err
			}
		}
		v.Size = size
		if err := d.store.put(v); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: v.Size, NodeExpansionRequired: d.expandOnNode}, nil
}

func (d *controller) checkMutable(parameters map[string]string) error {
	for name := range parameters {
		if !slices.Contains(d.mutable, name) {
			return status.Errorf(codes.InvalidArgument, "the parameter %s is not taken", name)
		}
	}
	return nil
}

func (d *controller) ControllerModifyVolume(_ context.Context, request *csi.ControllerModifyVolumeRequest) (*csi.ControllerModifyVolumeResponse, error) {
	if err := d.checkMutable(request.GetMutableParameters()); err != nil {
		return nil, err
	}
	v, err := d.store.get(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	v.Parameters = request.GetMutableParameters()
	return &csi.ControllerModifyVolumeResponse{}, d.store.put(v)
}

func shown(v *volume) *csi.Snapshot {
	created := timestamppb.New(time.Unix(0, v.Created))
	return &csi.Snapshot{SnapshotId: v.ID, SourceVolumeId: v.Source, SizeBytes: v.Size, CreationTime: created, ReadyToUse: true}
}

func (d *controller) CreateSnapshot(_ context.Context, request *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	id := idOf("snap", request.GetName())
	v, err := d.store.get(id)
	if status.Code(err) == codes.NotFound {
		var source *volume
		if source, err = d.store.get(request.GetSourceVolumeId()); err != nil {
			return nil, err
		}
		v = &volume{ID: id, Name: request.GetName(), Size: source.Size, Block: source.Block, Snapshot: true, Source: source.ID, Created: time.Now().UnixNano()}
		err = d.store.create(v, source)
	}
	if err != nil {
		return nil, err
	}
	if v.Source != request.GetSourceVolumeId() {
		return nil, status.Errorf(codes.AlreadyExists, "%s is of another volume", request.GetName())
	}
	return &csi.CreateSnapshotResponse{Snapshot: shown(v)}, nil
}

func (d *controller) DeleteSnapshot(_ context.Context, request *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if _, err := d.store.get(request.GetSnapshotId()); status.Code(err) == codes.NotFound {
		return &csi.DeleteSnapshotResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	return &csi.DeleteSnapshotResponse{}, d.store.remove(request.GetSnapshotId())
}

func (d *controller) ListSnapshots(_ context.Context, request *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	from, _ := strconv.Atoi(request.GetStartingToken())
	answer := &csi.ListSnapshotsResponse{}
	for at, v := range d.store.all() {
		if at < from {
			continue
		}
		if limit := int(request.GetMaxEntries()); limit > 0 && len(answer.Entries) == limit {
			answer.NextToken = strconv.Itoa(at)
			break
		}
		wanted := (request.GetSnapshotId() == "" || v.ID == request.GetSnapshotId()) &&
			(request.GetSourceVolumeId() == "" || v.Source == request.GetSourceVolumeId())
		if v.Snapshot && wanted {
			answer.Entries = append(answer.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: shown(v)})
		}
	}
	return answer, nil
}
