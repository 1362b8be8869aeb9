package main

import (
	"context"
	"log"
	"path"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// driver is what the three services share.
type driver struct {
	name, nodeID   string
	limit          int64
	strict, modify bool
	// logCalls: each call is written as JSON (callLog.go).
	logCalls bool
	// attach and expandOnNode: what the driver wants to be asked besides.
	attach, expandOnNode bool
	mutable              []string
	store                store
	lock                 sync.Mutex
}

// oneByOne makes one call after the other, since all of them change the same files, and logs each without its secrets.
func (d *driver) oneByOne(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	var answer any
	err := error(nil)
	if what := missing(request); what != "" {
		err = status.Errorf(codes.InvalidArgument, "the request has no %s", what)
	} else {
		answer, err = handle(ctx, request)
	}
	if d.logCalls {
		logCall(info.FullMethod, request, answer, err)
	}
	id := ""
	if named, ok := request.(interface{ GetVolumeId() string }); ok {
		id = named.GetVolumeId()
	}
	if method := path.Base(info.FullMethod); err != nil {
		log.Printf("%s %s: %v", method, id, err)
	} else if id != "" {
		log.Printf("%s %s", method, id)
	}
	return answer, err
}

type identity struct {
	csi.UnimplementedIdentityServer
	*driver
}

func (d *identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: d.name, VendorVersion: "own"}, nil
}

func (d *identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

func (d *identity) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	service := func(kind csi.PluginCapability_Service_Type) *csi.PluginCapability {
		return &csi.PluginCapability{Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{Type: kind}}}
	}
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{
		service(csi.PluginCapability_Service_CONTROLLER_SERVICE),
		service(csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS),
	}}, nil
}
