// A client of grpc-go for `tests/faults` (the case stop): unary calls until one fails, and two streams, of a server that is stopped
// meanwhile. `grpc-go-stopped ADDRESS WORKERS FIRST-ID`; at the end it says how everything ended.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// raw takes messages as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func read(connection *grpc.ClientConn, path string) string {
	context, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := connection.NewStream(context, &grpc.StreamDesc{ServerStreams: true}, path)
	if err == nil {
		err = stream.SendMsg(&[]byte{})
	}
	if err == nil {
		err = stream.CloseSend()
	}
	messages := 0
	for err == nil {
		var message []byte
		if err = stream.RecvMsg(&message); err == nil {
			messages++
		}
	}
	if err == io.EOF {
		err = nil
	}
	return fmt.Sprintf("stream %s %d %s", path, messages, status.Code(err))
}

func main() {
	log.SetFlags(0)
	workers, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	first, err := strconv.ParseUint(os.Args[3], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient("passthrough:///"+os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		log.Fatal(err)
	}
	var next, good atomic.Uint64
	var all sync.WaitGroup
	var lock sync.Mutex
	say := func(line string) {
		lock.Lock()
		defer lock.Unlock()
		fmt.Println(line)
	}
	for _, path := range []string{"/faults.Service/Watch", "/faults.Service/Stubborn"} {
		all.Go(func() { say(read(connection, path)) })
	}
	for range workers {
		all.Go(func() {
			for {
				id := first + next.Add(1)
				message := binary.LittleEndian.AppendUint64(nil, id)
				context, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				var reply []byte
				err := connection.Invoke(context, "/faults.Service/Echo", &message, &reply)
				cancel()
				if err != nil {
					say(fmt.Sprintf("bad %d %s", id, status.Code(err)))
					return
				}
				good.Add(1)
			}
		})
	}
	all.Wait()
	say(fmt.Sprintf("good %d", good.Load()))
}
