package main

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/rancher/remotedialer"
)

type options struct {
	caFile, caKeyFile       string
	address                 string
	port, apiPort           int
	egress                  string
	passwordFile, nodesFile string
	clusterDNS              string
}

type supervisor struct {
	options
	*authority
	*registry
	password string
	tunnels  *remotedialer.Server
	opened   atomic.Int64
}

func itoa(number int) string { return strconv.Itoa(number) }

func (s *supervisor) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cacerts", func(w http.ResponseWriter, _ *http.Request) { w.Write(s.pem) })
	mux.HandleFunc("/v1-k3s/connect", func(w http.ResponseWriter, request *http.Request) {
		if _, isNode, _ := s.node(request); isNode {
			s.opened.Add(1)
		}
		s.tunnels.ServeHTTP(w, request)
	})
	for path, answer := range map[string]func() []byte{
		"client-ca.crt": func() []byte { return s.pem },
		"server-ca.crt": func() []byte { return s.pem },
		"readyz":        func() []byte { return []byte("ok") },
		"config":        s.config,
		"apiservers":    func() []byte { return marshal([]string{net.JoinHostPort(s.address, itoa(s.apiPort))}) },
		// Not k3s': which nodes have a tunnel here, and how many tunnels this process has been asked for.
		"tunnels": func() []byte {
			return marshal(map[string]any{"nodes": s.tunnels.ListClients(), "opened": s.opened.Load()})
		},
	} {
		mux.HandleFunc("GET /v1-k3s/"+path, s.authenticated(func(w http.ResponseWriter, _ *http.Request) { w.Write(answer()) }))
	}
	mux.HandleFunc("POST /v1-k3s/serving-kubelet.crt", s.authenticated(s.issueTo(s.authority.serving)))
	mux.HandleFunc("POST /v1-k3s/client-kubelet.crt", s.authenticated(s.issueTo(s.authority.client)))
	return mux
}

func marshal(value any) []byte {
	bytes, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return bytes
}

func (s *supervisor) config() []byte {
	return marshal(map[string]any{
		"ClusterDNS":         s.clusterDNS,
		"ClusterDomain":      "cluster.local",
		"HTTPSPort":          s.apiPort,
		"SupervisorPort":     s.port,
		"EgressSelectorMode": "agent",
		"FlannelBackend":     "none",
		"DisableCCM":         true,
	})
}

// node is the node whose certificate came with a request; it is what remotedialer knows a tunnel by.
func (s *supervisor) node(request *http.Request) (string, bool, error) {
	if request.TLS == nil || len(request.TLS.VerifiedChains) == 0 {
		return "", false, nil
	}
	name, isNode := strings.CutPrefix(request.TLS.VerifiedChains[0][0].Subject.CommonName, "system:node:")
	return name, isNode, nil
}

func (s *supervisor) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		user, password, _ := request.BasicAuth()
		right := subtle.ConstantTimeCompare([]byte(password), []byte(s.password)) == 1
		if _, isNode, _ := s.node(request); !isNode && !(user == "node" && right) {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		next(w, request)
	}
}

func (s *supervisor) issueTo(issue func(name string, ips []net.IP, der []byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		name, password := request.Header.Get("k3s-Node-Name"), request.Header.Get("k3s-Node-Password")
		if name == "" || password == "" {
			http.Error(w, "node name or password is missing", http.StatusBadRequest)
			return
		}
		var ips []net.IP
		for _, text := range strings.Split(request.Header.Get("k3s-Node-IP"), ",") {
			if ip := net.ParseIP(strings.TrimSpace(text)); ip != nil {
				ips = append(ips, ip)
			}
		}
		if !s.registry.admit(name, password, ips) {
			http.Error(w, "node password differs", http.StatusForbidden)
			return
		}
		der, err := io.ReadAll(io.LimitReader(request.Body, 1<<16))
		if err == nil {
			der, err = issue(name, ips, der)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Write(der)
		w.Write(s.pem)
	}
}

// egress answers the API server's CONNECT: what is a node's kubelet goes through that node's tunnel and no other way.
func (s *supervisor) egress(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	dial := (&net.Dialer{}).DialContext
	address := request.Host
	if host, port, err := net.SplitHostPort(address); err == nil && port == "10250" {
		if name, known := s.registry.at(host); known {
			dial = s.tunnels.Dialer(name)
			address = net.JoinHostPort("127.0.0.1", port)
		}
	}
	far, err := dial(request.Context(), "tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		far.Close()
		return
	}
	io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		io.Copy(far, buffered)
		far.Close()
	}()
	io.Copy(near, far)
	near.Close()
	far.Close()
}
