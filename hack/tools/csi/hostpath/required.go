package main

import "github.com/container-storage-interface/spec/lib/go/csi"

// missing names what a request must have and has not; empty when it is whole.
func missing(request any) string {
	if r, ok := request.(interface{ GetTargetPath() string }); ok && r.GetTargetPath() == "" {
		return "target path"
	}
	if r, ok := request.(interface{ GetVolumePath() string }); ok && r.GetVolumePath() == "" {
		return "volume path"
	}
	switch r := request.(type) {
	case *csi.NodeStageVolumeRequest:
		return first(r.GetStagingTargetPath() == "", "staging target path", r.GetVolumeCapability() == nil, "volume capability")
	case *csi.NodeUnstageVolumeRequest:
		return first(r.GetStagingTargetPath() == "", "staging target path", false, "")
	case *csi.NodePublishVolumeRequest:
		return first(r.GetVolumeCapability() == nil, "volume capability", false, "")
	case *csi.ValidateVolumeCapabilitiesRequest:
		return first(len(r.GetVolumeCapabilities()) == 0, "volume capabilities", false, "")
	case *csi.CreateVolumeRequest:
		return first(r.GetName() == "", "name", len(r.GetVolumeCapabilities()) == 0, "volume capabilities")
	case *csi.CreateSnapshotRequest:
		return first(r.GetName() == "", "name", r.GetSourceVolumeId() == "", "source volume")
	}
	return ""
}

func first(one bool, name string, two bool, other string) string {
	if one {
		return name
	}
	if two {
		return other
	}
	return ""
}
