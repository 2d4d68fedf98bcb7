// Sends requests at a steady rate, each over its own connection, until it gets SIGTERM or has sent -most requests. Prints its counts as a
// line of JSON every 100 ms and once at the end, and a line for each failed request.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	reportEvery    = 100 * time.Millisecond
	dialTimeout    = 2 * time.Second
	requestTimeout = 5 * time.Second
)

type counts struct {
	Sent   int  `json:"sent"`
	Failed int  `json:"failed"`
	Done   bool `json:"done"`
}

type failure struct {
	AtMs  float64 `json:"atMs"`
	Took  float64 `json:"tookMs"`
	Error string  `json:"error"`
}

type generator struct {
	url    string
	client *http.Client
	mu     sync.Mutex
	counts counts
}

func main() {
	url := flag.String("url", "", "where to send GET requests")
	rate := flag.Int("rate", 200, "requests a second")
	most := flag.Int("most", 100_000, "stop after this many requests")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	dialer := &net.Dialer{Timeout: dialTimeout}
	g := &generator{url: *url, client: &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext},
	}}

	var requests sync.WaitGroup
	next := time.NewTicker(time.Second / time.Duration(*rate))
	defer next.Stop()
	report := time.NewTicker(reportEvery)
	defer report.Stop()
	for started := 0; started < *most && ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-report.C:
			g.report()
		case <-next.C:
			started++
			requests.Go(g.send)
		}
	}
	requests.Wait()
	g.counts.Done = true
	g.report()
}

func (g *generator) send() {
	start := time.Now()
	err := g.get()
	took := time.Since(start)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts.Sent++
	if err != nil {
		g.counts.Failed++
		printLine(failure{AtMs: float64(start.UnixMicro()) / 1000, Took: float64(took.Microseconds()) / 1000, Error: err.Error()})
	}
}

func (g *generator) get() error {
	response, err := g.client.Get(g.url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}

func (g *generator) report() {
	g.mu.Lock()
	defer g.mu.Unlock()
	printLine(g.counts)
}

func printLine(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
