package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type node struct {
	csi.UnimplementedNodeServer
	*driver
}

func (d *driver) topology() *csi.Topology {
	return &csi.Topology{Segments: map[string]string{"topology.hostpath.csi/node": d.nodeID}}
}

func (d *node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: d.nodeID, MaxVolumesPerNode: d.limit, AccessibleTopology: d.topology()}, nil
}

func (d *node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	answer := &csi.NodeGetCapabilitiesResponse{}
	for _, kind := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		rpc := &csi.NodeServiceCapability_RPC{Type: kind}
		capability := &csi.NodeServiceCapability{Type: &csi.NodeServiceCapability_Rpc{Rpc: rpc}}
		answer.Capabilities = append(answer.Capabilities, capability)
	}
	return answer, nil
}

// NodeStageVolume only writes down that it was asked: there is nothing to make ready for the node.
func (d *node) NodeStageVolume(_ context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	v, err := d.store.get(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	v.Staged[request.GetStagingTargetPath()] = true
	return &csi.NodeStageVolumeResponse{}, d.store.put(v)
}

func (d *node) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	v, err := d.store.get(request.GetVolumeId())
	if status.Code(err) == codes.NotFound {
		return &csi.NodeUnstageVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	if d.strict && len(v.Published) > 0 {
		return nil, status.Errorf(codes.Internal, "%s is unstaged while it is published", v.ID)
	}
	delete(v.Staged, request.GetStagingTargetPath())
	return &csi.NodeUnstageVolumeResponse{}, d.store.put(v)
}

// wanted is the volume to publish: an inline one is made now, and goes when it is unpublished.
func (d *node) wanted(request *csi.NodePublishVolumeRequest) (*volume, error) {
	v, err := d.store.get(request.GetVolumeId())
	if request.GetVolumeContext()["csi.storage.k8s.io/ephemeral"] != "true" || status.Code(err) != codes.NotFound {
		return v, err
	}
	v = &volume{ID: request.GetVolumeId(), Ephemeral: true, Published: map[string]bool{}}
	return v, d.store.create(v, nil)
}

func (d *node) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	v, err := d.wanted(request)
	if err != nil {
		return nil, err
	}
	target := request.GetTargetPath()
	if d.strict && !v.Ephemeral && !v.Staged[request.GetStagingTargetPath()] {
		return nil, status.Errorf(codes.FailedPrecondition, "%s is published and not staged", v.ID)
	}
	if (request.GetVolumeCapability().GetBlock() != nil) != v.Block {
		return nil, status.Errorf(codes.InvalidArgument, "%s is of another mode", v.ID)
	}
	v.Published[target] = true
	if err := d.store.put(v); err != nil {
		return nil, err
	}
	if present, err := isMounted(target); err != nil || present {
		return &csi.NodePublishVolumeResponse{}, err
	}
	source := d.store.data(v)
	if v.Block {
		if source, err = attachLoop(source); err != nil {
			return nil, err
		}
		err = makeFile(target)
	} else {
		err = os.MkdirAll(target, 0o750)
	}
	if err != nil {
		return nil, err
	}
	return &csi.NodePublishVolumeResponse{}, bind(source, target, request.GetReadonly())
}

func (d *node) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	target := request.GetTargetPath()
	v, err := d.store.get(request.GetVolumeId())
	if err != nil && status.Code(err) != codes.NotFound {
		return nil, err
	}
	if err := unmount(target); err != nil {
		return nil, err
	}
	if v == nil {
		return &csi.NodeUnpublishVolumeResponse{}, nil
	}
	delete(v.Published, target)
	if v.Block && len(v.Published) == 0 {
		if err := detachLoop(d.store.data(v)); err != nil {
			return nil, err
		}
	}
	if v.Ephemeral {
		return &csi.NodeUnpublishVolumeResponse{}, d.store.remove(v.ID)
	}
	return &csi.NodeUnpublishVolumeResponse{}, d.store.put(v)
}

func (d *node) NodeGetVolumeStats(_ context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	v, err := d.store.get(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(request.GetVolumePath()); errors.Is(err, os.ErrNotExist) {
		return nil, status.Errorf(codes.NotFound, "%s is not there", request.GetVolumePath())
	}
	if v.Block {
		return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES, Total: v.Size}}}, nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(filepath.Clean(request.GetVolumePath()), &fs); err != nil {
		return nil, err
	}
	block := int64(fs.Bsize)
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: int64(fs.Blocks) * block, Available: int64(fs.Bavail) * block, Used: int64(fs.Blocks-fs.Bfree) * block},
		{Unit: csi.VolumeUsage_INODES, Total: int64(fs.Files), Available: int64(fs.Ffree), Used: int64(fs.Files - fs.Ffree)},
	}}, nil
}

func (d *node) NodeExpandVolume(_ context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	v, err := d.store.get(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	if v.Block && len(v.Published) > 0 {
		if err := resizeLoop(d.store.data(v)); err != nil {
			return nil, err
		}
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: v.Size}, nil
}
