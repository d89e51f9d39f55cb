// The load client of grpc-go, with its default settings.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"google.golang.org/grpc"

	"peer-grpc-go"
	"peer-grpc-go/pb"
)

var (
	addr     = flag.String("addr", "127.0.0.1:50051", "address of the server")
	threads  = flag.Int("threads", 1, "GOMAXPROCS")
	conns    = flag.Int("conns", 1, "number of connections")
	streams  = flag.Int("streams", 1, "number of streams on each connection")
	reqSize  = flag.Int("req-size", 0, "bytes in a request's body")
	respSize = flag.Int("resp-size", 0, "bytes in a response's body")
	warmup   = flag.Float64("warmup-s", 1, "seconds before the measurement")
	secs     = flag.Float64("secs", 5, "seconds of the measurement")
	mode     = flag.String("mode", "unary", "unary, stream-pingpong, server-stream, connect or idle")
)

func dial() (*grpc.ClientConn, error) {
	return grpc.NewClient(*addr, grpc.WithTransportCredentials(peer.ClientCredentials()))
}

func request(size int) *pb.SimpleRequest {
	return &pb.SimpleRequest{
		ResponseType: pb.PayloadType_COMPRESSABLE,
		ResponseSize: int32(*respSize),
		Payload:      peer.Payload(size),
	}
}

// call does one UnaryCall.
func call(client pb.BenchmarkServiceClient) (*pb.SimpleResponse, error) {
	return client.UnaryCall(context.Background(), request(*reqSize))
}

// loads has what one stream of each mode does until it fails.
var loads = map[string]func(pb.BenchmarkServiceClient, *meter) error{
	"unary":           unary,
	"stream-pingpong": pingPong,
	"server-stream":   serverStream,
	"connect":         connect,
}

func unary(client pb.BenchmarkServiceClient, m *meter) error {
	for {
		start := time.Now()
		resp, err := call(client)
		if err != nil {
			return err
		}
		m.done(start, resp)
	}
}

func pingPong(client pb.BenchmarkServiceClient, m *meter) error {
	stream, err := client.StreamingCall(context.Background())
	if err != nil {
		return err
	}
	for {
		start := time.Now()
		if err := stream.Send(request(*reqSize)); err != nil {
			return err
		}
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		m.done(start, resp)
	}
}

func serverStream(client pb.BenchmarkServiceClient, m *meter) error {
	stream, err := client.StreamingFromServer(context.Background(), request(0))
	if err != nil {
		return err
	}
	for {
		start := time.Now()
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		m.done(start, resp)
	}
}

// connect makes a new connection for each call.
func connect(_ pb.BenchmarkServiceClient, m *meter) error {
	for {
		start := time.Now()
		conn, err := dial()
		if err != nil {
			return err
		}
		resp, err := call(pb.NewBenchmarkServiceClient(conn))
		if err != nil {
			return err
		}
		m.done(start, resp)
		if err := conn.Close(); err != nil {
			return err
		}
	}
}

// run loads one connection; it returns when a stream has failed.
func run(m *meter) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	client := pb.NewBenchmarkServiceClient(conn)
	if *mode == "idle" {
		if _, err := call(client); err != nil {
			return err
		}
		select {}
	}
	failed := make(chan error)
	for range *streams {
		go func() { failed <- loads[*mode](client, m) }()
	}
	return <-failed
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second))
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	if loads[*mode] == nil && *mode != "idle" {
		log.Fatalf("there is no mode %q", *mode)
	}
	peer.SetThreads(*threads)
	m := newMeter()
	rssBefore := rssKB()
	for range *conns {
		go func() { log.Fatal(run(m)) }()
	}
	time.Sleep(seconds(*warmup))
	from := m.sample()
	m.measuring.Store(true)
	time.Sleep(seconds(*secs))
	to := m.sample()
	m.measuring.Store(false)
	m.report(from, to, rssBefore)
}
