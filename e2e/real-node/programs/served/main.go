// The application behind the Service. It stops accepting connections as soon as it gets SIGTERM, so a later connection fails. It
// appends each start and each SIGTERM, with the time, to a file that its Pod shares with the node.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	signalsFile     = "/signals/log"
	address         = ":8080"
	shutdownTimeout = 3 * time.Second
)

type entry struct {
	AtMs    float64 `json:"atMs"`
	What    string  `json:"what"`
	Pod     string  `json:"pod"`
	IP      string  `json:"ip"`
	Version string  `json:"version"`
}

func main() {
	version, err := os.ReadFile("/version")
	if err != nil {
		log.Fatal(err)
	}
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	record := func(what string) {
		now := float64(time.Now().UnixMicro()) / 1000
		if err := appendEntry(entry{AtMs: now, What: what, Pod: pod, IP: ownIP(), Version: string(version)}); err != nil {
			log.Print(err)
		}
	}

	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%s %s", pod, version) })
	// End the container by itself, as a crash would.
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) {
		record("EXIT")
		os.Exit(1)
	})
	server := &http.Server{Addr: address, Handler: mux}

	stopped := make(chan struct{})
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		record("SIGTERM")
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			log.Print(err)
		}
		close(stopped)
	}()

	record("START")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-stopped
}

func appendEntry(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(signalsFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(append(line, '\n'))
	return err
}

// ownIP returns the Pod's IPv4 address: its only address outside the loopback interface.
func ownIP() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, each := range addresses {
		if network, ok := each.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	return ""
}
