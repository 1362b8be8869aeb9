// Livenessprobe answers HTTP probes of /healthz by what the CSI driver beside it says of itself. It takes the flags of the
// program that cluster manifests call livenessprobe.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// healthz asks the driver, and answers 200 when it is ready.
func healthz(driver csi.IdentityClient, timeout time.Duration) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), timeout)
		defer cancel()
		answer, err := driver.Probe(ctx, &csi.ProbeRequest{})
		if err == nil && answer.GetReady() != nil && !answer.GetReady().GetValue() {
			err = fmt.Errorf("the driver is not ready")
		}
		if err != nil {
			http.Error(writer, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(writer, "ok")
	}
}

func main() {
	address := flag.String("csi-address", "/run/csi/socket", "the driver's socket")
	port := flag.Int("health-port", 9808, "where probes come in")
	timeout := flag.Duration("probe-timeout", time.Second, "for one call to the driver")
	flag.Int("v", 0, "taken, and without effect")
	flag.Parse()
	connection, err := grpc.NewClient("unix:"+*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/healthz", healthz(csi.NewIdentityClient(connection), *timeout))
	log.Fatal(http.ListenAndServe(fmt.Sprintf(":%d", *port), nil))
}
