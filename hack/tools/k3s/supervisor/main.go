// supervisor plays the server of a k3s cluster beside a Kubernetes control plane that is none: the routes by which a node joins, Rancher's own
// remotedialer behind the tunnel's, and the CONNECT proxy by which the API server (--egress-selector-config-file) reaches kubelets through it.
// SIGUSR1 breaks every open tunnel without a word. SIGKILL is how it ends.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/rancher/remotedialer"
)

func main() {
	options := options{}
	flag.StringVar(&options.caFile, "ca", "", "certificate of the cluster's CA")
	flag.StringVar(&options.caKeyFile, "ca-key", "", "its key")
	flag.StringVar(&options.address, "address", "", "IP address to listen on")
	flag.IntVar(&options.port, "port", 9345, "port of the supervisor")
	flag.IntVar(&options.apiPort, "api-port", 6443, "port of the API server at the same address")
	flag.StringVar(&options.egress, "egress", "127.0.0.1:8132", "where the API server asks for connections to kubelets")
	flag.StringVar(&options.passwordFile, "password-file", "", "file with the server's secret, the last part of the token")
	flag.StringVar(&options.nodesFile, "nodes", "", "file in which node names are kept with their passwords and addresses")
	flag.StringVar(&options.clusterDNS, "cluster-dns", "10.96.0.10", "address of the cluster's DNS server")
	flag.Parse()
	if err := run(options); err != nil {
		log.Fatal(err)
	}
}

func run(options options) error {
	authority, err := loadAuthority(options.caFile, options.caKeyFile)
	if err != nil {
		return err
	}
	registry, err := openRegistry(options.nodesFile)
	if err != nil {
		return err
	}
	password, err := os.ReadFile(options.passwordFile)
	if err != nil {
		return err
	}
	certificate, err := authority.serve(net.ParseIP(options.address), net.ParseIP("127.0.0.1"))
	if err != nil {
		return err
	}
	server := &supervisor{options: options, authority: authority, registry: registry, password: string(password)}
	server.tunnels = remotedialer.New(server.node, remotedialer.DefaultErrorWriter)
	pool := x509.NewCertPool()
	pool.AddCert(authority.certificate)
	tlsConfig := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientCAs:    pool,
		ClientAuth:   tls.VerifyClientCertIfGiven,
	}
	failed := make(chan error, 2)
	go func() {
		egress := &http.Server{Addr: options.egress, TLSConfig: tlsConfig, Handler: http.HandlerFunc(server.egress)}
		// CONNECT takes the connection over, which HTTP/2 has no way for.
		egress.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		failed <- egress.ListenAndServeTLS("", "")
	}()
	open := &hijacked{}
	go open.breakOnSignal()
	routes := &http.Server{
		Addr:      net.JoinHostPort(options.address, itoa(options.port)),
		TLSConfig: tlsConfig.Clone(),
		Handler:   server.routes(),
		ConnState: open.follow,
	}
	go func() { failed <- routes.ListenAndServeTLS("", "") }()
	return <-failed
}

// hijacked are the connections of tunnels: those that left HTTP.
type hijacked struct {
	sync.Mutex
	connections []net.Conn
}

func (h *hijacked) follow(connection net.Conn, state http.ConnState) {
	if state == http.StateHijacked {
		h.Lock()
		h.connections = append(h.connections, connection)
		h.Unlock()
	}
}

func (h *hijacked) breakOnSignal() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGUSR1)
	for range signals {
		h.Lock()
		for _, connection := range h.connections {
			// Not the TLS connection's Close, which would say so to the other end.
			if tlsConnection, ok := connection.(*tls.Conn); ok {
				connection = tlsConnection.NetConn()
			}
			if tcp, ok := connection.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			connection.Close()
		}
		h.connections = nil
		h.Unlock()
	}
}
