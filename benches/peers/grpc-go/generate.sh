# Makes pb/ from ../proto and tls/ from ../tls; `go generate` runs it here.
set -e
rm -rf tls && cp -r ../tls tls
protoc --proto_path=../proto \
    --plugin="$(go tool -n protoc-gen-go)" \
    --plugin="$(go tool -n protoc-gen-go-grpc)" \
    --go_out=. --go_opt=module=peer-grpc-go,Mbenchmark.proto=peer-grpc-go/pb \
    --go-grpc_out=. --go-grpc_opt=module=peer-grpc-go,Mbenchmark.proto=peer-grpc-go/pb \
    benchmark.proto
