// Says of each service config in a table whether grpc-go takes it, and compares that with the table.
//
// Lines are: where Farcall refuses it or "ok", what grpc-go says ("ok" or "refused"), the config, and a remark; '#' begins a comment.
package main

import (
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func verdict(config string) string {
	conn, err := grpc.NewClient("passthrough:///nobody",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(config))
	if err != nil {
		return "refused"
	}
	conn.Close()
	return "ok"
}

func main() {
	table, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	cases, different, wrong := 0, 0, 0
	for i, line := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, "\t")
		if len(columns) < 3 {
			fmt.Printf("line %d has too few columns\n", i+1)
			os.Exit(2)
		}
		ours, expected, config := columns[0], columns[1], columns[2]
		cases++
		if (ours == "ok") != (expected == "ok") {
			different++
		}
		if found := verdict(config); found != expected {
			wrong++
			fmt.Printf("line %d: grpc-go says %s, the table %s: %s\n", i+1, found, expected, config)
		}
	}
	fmt.Printf("%d service configs: grpc-go %s says what the table says of %d; the table has %d on which Farcall differs\n",
		cases, grpc.Version, cases-wrong, different)
	if wrong > 0 {
		os.Exit(1)
	}
}
