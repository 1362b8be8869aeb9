package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// authority is the cluster's CA: k3s has one for servers and one for clients, this cluster has one for both.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         []byte
}

func loadAuthority(certificateFile, keyFile string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(certificateFile)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: pair.PrivateKey.(crypto.Signer), pem: text}, nil
}

func (a *authority) sign(template *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Minute)
	template.NotAfter = time.Now().AddDate(1, 0, 0)
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	return x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
}

// serve makes the supervisor's own serving certificate.
func (a *authority) serve(ips ...net.IP) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "supervisor"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: ips,
		DNSNames:    []string{"localhost"},
	}, key.Public())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// requested is the public key of a request; nothing else of it counts.
func requested(der []byte) (crypto.PublicKey, error) {
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	return request.PublicKey, request.CheckSignature()
}

func (a *authority) answer(template *x509.Certificate, der []byte) ([]byte, error) {
	key, err := requested(der)
	if err != nil {
		return nil, err
	}
	signed, err := a.sign(template, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), err
}

func (a *authority) serving(name string, ips []net.IP, der []byte) ([]byte, error) {
	return a.answer(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{name, "localhost"},
		IPAddresses: append([]net.IP{net.ParseIP("127.0.0.1")}, ips...),
	}, der)
}

func (a *authority) client(name string, _ []net.IP, der []byte) ([]byte, error) {
	return a.answer(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:node:" + name, Organization: []string{"system:nodes"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, der)
}
