// A server of grpc-go whose handlers compute, for farcall-experiments' overload: /experiments.Experiments/Burn, with messages as they are.
// Says its address first, and ends when its standard input does.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// raw takes messages as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

var sink uint64

func spin(rounds uint64) {
	state := uint64(1)
	for range rounds {
		state = state*6364136223846793005 + 1
	}
	sink = state
}

// calibrated says how many rounds a core does in a microsecond when nobody disturbs it.
func calibrated() uint64 {
	const rounds = 100_000
	best := time.Hour
	for range 200 {
		start := time.Now()
		spin(rounds)
		best = min(best, time.Since(start))
	}
	return uint64(float64(rounds) * 1e3 / float64(best.Nanoseconds()))
}

// amount reads the first field of a message `Amount`.
func amount(message []byte) (uint64, error) {
	if len(message) == 0 {
		return 0, nil
	}
	value, read := binary.Uvarint(message[1:])
	if message[0] != 8 || read <= 0 {
		return 0, errors.New("not an Amount")
	}
	return value, nil
}

func main() {
	runtime.GOMAXPROCS(1)
	perMicro := calibrated()
	encoding.RegisterCodec(raw{})
	burn := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var message []byte
		if err := decode(&message); err != nil {
			return nil, err
		}
		micros, err := amount(message)
		if err != nil {
			return nil, err
		}
		spin(perMicro * micros)
		return &[]byte{}, nil
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "experiments.Experiments",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Burn", Handler: burn}},
	}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(server.Serve(listener))
}
