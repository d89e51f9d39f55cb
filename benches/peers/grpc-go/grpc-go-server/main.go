// The server of grpc-go, with its default settings.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"

	"google.golang.org/grpc"

	"peer-grpc-go"
	"peer-grpc-go/pb"
)

var (
	port    = flag.Int("port", 50051, "port to listen on")
	threads = flag.Int("threads", 1, "GOMAXPROCS")
)

type service struct {
	pb.UnimplementedBenchmarkServiceServer
}

func reply(req *pb.SimpleRequest) *pb.SimpleResponse {
	return &pb.SimpleResponse{Payload: peer.Payload(int(req.GetResponseSize()))}
}

func (service) UnaryCall(_ context.Context, req *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return reply(req), nil
}

func (service) StreamingCall(stream grpc.BidiStreamingServer[pb.SimpleRequest, pb.SimpleResponse]) error {
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(reply(req)); err != nil {
			return err
		}
	}
}

func (service) StreamingFromServer(req *pb.SimpleRequest, stream grpc.ServerStreamingServer[pb.SimpleResponse]) error {
	resp := reply(req)
	for {
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	peer.SetThreads(*threads)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(peer.ServerOptions()...)
	pb.RegisterBenchmarkServiceServer(server, service{})
	log.Fatal(server.Serve(listener))
}
