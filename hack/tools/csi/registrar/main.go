// Registrar tells kubelet of the CSI driver beside it: it serves kubelet's registration protocol on a socket of its own in
// plugins_registry and names the driver's socket there. It takes the flags of the program that cluster manifests call
// csi-node-driver-registrar.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

type server struct {
	registration.UnimplementedRegistrationServer
	info *registration.PluginInfo
	// refused gets kubelet's word when it does not take the driver.
	refused chan string
}

func (s *server) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return s.info, nil
}

func (s *server) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	log.Printf("kubelet: registered=%t %s", status.PluginRegistered, status.Error)
	if !status.PluginRegistered {
		s.refused <- status.Error
	}
	return &registration.RegistrationStatusResponse{}, nil
}

// driverName asks the driver until it answers, since it may start after this program.
func driverName(ctx context.Context, socket string, timeout time.Duration) (string, error) {
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	for {
		attempt, cancel := context.WithTimeout(ctx, timeout)
		answer, err := csi.NewIdentityClient(connection).GetPluginInfo(attempt, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
		cancel()
		if err == nil {
			return answer.Name, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		log.Printf("the driver at %s does not answer yet: %v", socket, err)
		time.Sleep(100 * time.Millisecond)
	}
}

func run() error {
	address := flag.String("csi-address", "/run/csi/socket", "the driver's socket, as this program sees it")
	endpoint := flag.String("kubelet-registration-path", "", "the driver's socket, as kubelet sees it")
	directory := flag.String("plugin-registration-path", "/registration", "where kubelet looks for registration sockets")
	timeout := flag.Duration("timeout", time.Second, "for one call to the driver")
	flag.Int("v", 0, "taken, and without effect")
	flag.Parse()
	if *endpoint == "" {
		return fmt.Errorf("--kubelet-registration-path is needed")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	name, err := driverName(ctx, *address, *timeout)
	if err != nil {
		return err
	}
	socket := filepath.Join(*directory, name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer os.Remove(socket)
	log.Printf("registering %s at %s", name, socket)
	own := &server{
		info: &registration.PluginInfo{
			Type:              registration.CSIPlugin,
			Name:              name,
			Endpoint:          *endpoint,
			SupportedVersions: []string{"1.0.0"},
		},
		refused: make(chan string, 1),
	}
	served := grpc.NewServer()
	registration.RegisterRegistrationServer(served, own)
	go served.Serve(listener)
	select {
	case <-ctx.Done():
		return nil
	case reason := <-own.refused:
		return fmt.Errorf("kubelet refused the driver: %s", reason)
	}
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
