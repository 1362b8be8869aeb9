// Hostpath stands where cluster manifests ask for the image hostpathplugin: a CSI driver whose volumes are directories, or
// files behind loop devices, on its own node. With --proxy-endpoint it is a bridge to a driver elsewhere instead (proxy.go).
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
)

// socketOf takes `unix:///path`, `unix:/path` and a path.
func socketOf(endpoint string) string {
	return strings.TrimPrefix(strings.TrimPrefix(endpoint, "unix:"), "//")
}

func serve(ctx context.Context, socket string, own *driver) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(own.oneByOne))
	csi.RegisterIdentityServer(server, &identity{driver: own})
	csi.RegisterControllerServer(server, &controller{driver: own})
	csi.RegisterNodeServer(server, &node{driver: own})
	context.AfterFunc(ctx, server.Stop)
	log.Printf("%s on node %s serves %s", own.name, own.nodeID, socket)
	return server.Serve(listener)
}

func main() {
	own := &driver{}
	endpoint := flag.String("endpoint", "unix:///csi/csi.sock", "the unix socket to serve")
	bridge := flag.String("proxy-endpoint", "", "tcp://HOST:PORT: be a bridge to whoever connects there")
	directory := flag.String("statedir", "/csi-data-dir", "holds the volumes")
	mutable := flag.String("accepted-mutable-parameter-names", "", "parameters of a VolumeAttributesClass that are taken, with commas between")
	flag.StringVar(&own.name, "drivername", "hostpath.csi.k8s.io", "the driver's name")
	flag.StringVar(&own.nodeID, "nodeid", "", "the node's name")
	flag.Int64Var(&own.limit, "maxvolumespernode", 0, "told as the node's limit; 0 tells none")
	flag.Int64Var(&own.limit, "attach-limit", 0, "the same")
	flag.BoolVar(&own.attach, "enable-attach", false, "want to be asked to attach volumes to the node")
	flag.BoolVar(&own.expandOnNode, "node-expand-required", true, "want to be asked to expand volumes on the node too")
	flag.Bool("enable-topology", true, "taken, and without effect: volumes are always this node's")
	flag.BoolVar(&own.strict, "check-volume-lifecycle", false, "refuse to unstage what is published and to delete what is staged")
	flag.BoolVar(&own.modify, "enable-controller-modify-volume", false, "take VolumeAttributesClasses")
	verbosity := flag.Int("v", 0, "from 5 on, each call is written as JSON")
	flag.Parse()
	own.logCalls = *verbosity >= 5
	own.store = store{directory: *directory}
	own.mutable = strings.Split(*mutable, ",")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	socket := socketOf(*endpoint)
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	run := func() error { return serve(ctx, socket, own) }
	if *bridge != "" {
		run = func() error { return proxy(ctx, socket, strings.TrimPrefix(*bridge, "tcp://")) }
	}
	err := run()
	os.Remove(socket)
	if err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
