// Command retry-server is a grpc-go server that fails as its callers ask it to, and tells how often it was called.
//
// Any method but Control's is handled by the script in the metadata "script": what to do with the first attempt, with the
// second, and so on, separated by commas; the last one counts for all that follow. Each is a list of words, joined by
// pluses: recv (read a message), all (read all messages), header (send the initial metadata), sleep=MILLISECONDS,
// push=VALUE (grpc-retry-pushback-ms in the trailers), echo (send what was read, as one message), code=NUMBER (end so).
// Attempts with the same "id" in their metadata belong together. /retries.Control/Attempts takes an id and answers a line for
// each of its attempts: when it came, in microseconds, and its grpc-previous-rpc-attempts, if it had any.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func (raw) Name() string { return "proto" }

type attempt struct {
	at       time.Time
	previous string
}

type ledger struct {
	mutex sync.Mutex
	calls map[string][]attempt
}

func (l *ledger) note(id, previous string) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.calls[id] = append(l.calls[id], attempt{time.Now(), previous})
	return len(l.calls[id]) - 1
}

func (l *ledger) lines(id string) string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var text strings.Builder
	for _, attempt := range l.calls[id] {
		fmt.Fprintf(&text, "%d %s\n", attempt.at.UnixMicro(), attempt.previous)
	}
	return text.String()
}

func first(md metadata.MD, key string) string {
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (l *ledger) handle(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if method == "/retries.Control/Attempts" {
		var id []byte
		if err := stream.RecvMsg(&id); err != nil {
			return err
		}
		lines := []byte(l.lines(string(id)))
		return stream.SendMsg(&lines)
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	index := l.note(first(md, "id"), first(md, "grpc-previous-rpc-attempts"))
	script := strings.Split(first(md, "script"), ",")
	return play(strings.Split(script[min(index, len(script)-1)], "+"), stream)
}

func play(words []string, stream grpc.ServerStream) error {
	var read []byte
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		number, _ := strconv.Atoi(value)
		switch name {
		case "recv", "all":
			for {
				var message []byte
				err := stream.RecvMsg(&message)
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
				read = append(read, message...)
				if name == "recv" {
					break
				}
			}
		case "header":
			if err := stream.SendHeader(metadata.Pairs("header", "sent")); err != nil {
				return err
			}
		case "sleep":
			select {
			case <-time.After(time.Duration(number) * time.Millisecond):
			case <-stream.Context().Done():
				return stream.Context().Err()
			}
		case "push":
			stream.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", value))
		case "echo":
			if err := stream.SendMsg(&read); err != nil {
				return err
			}
		case "code":
			return status.Error(codes.Code(number), "as asked")
		}
	}
	return nil
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ledger := &ledger{calls: map[string][]attempt{}}
	fmt.Println(listener.Addr())
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(ledger.handle))
	// Whoever has started it keeps its standard input open.
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
