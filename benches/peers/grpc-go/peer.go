// Package peer is what the server and the client share.
package peer

import (
	"crypto/tls"
	"crypto/x509"
	"embed"
	"flag"
	"log"
	"runtime"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"peer-grpc-go/pb"
)

//go:generate sh generate.sh

var zeros [4 << 20]byte

// Payload returns a payload of size zero bytes that are not copied.
func Payload(size int) *pb.Payload {
	return &pb.Payload{Type: pb.PayloadType_COMPRESSABLE, Body: zeros[:size]}
}

//go:embed tls/*
var files embed.FS

func certificate(name string) []byte {
	pem, err := files.ReadFile("tls/" + name)
	if err != nil {
		log.Fatal(err)
	}
	return pem
}

var useTLS = flag.Bool("tls", false, "use TLS with the kit's test certificate")

// ServerOptions returns what --tls asks for.
func ServerOptions() []grpc.ServerOption {
	if !*useTLS {
		return nil
	}
	pair, err := tls.X509KeyPair(certificate("server.pem"), certificate("server.key"))
	if err != nil {
		log.Fatal(err)
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewServerTLSFromCert(&pair))}
}

// ClientCredentials returns what --tls asks for.
func ClientCredentials() credentials.TransportCredentials {
	if !*useTLS {
		return insecure.NewCredentials()
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate("ca.pem")) {
		log.Fatal("the test CA is not a certificate")
	}
	return credentials.NewClientTLSFromCert(roots, "localhost")
}

// SetThreads lets n threads run Go code at once. The 0 that is tokio's
// current-thread runtime in other peers is 1 here.
func SetThreads(n int) {
	runtime.GOMAXPROCS(max(n, 1))
}
