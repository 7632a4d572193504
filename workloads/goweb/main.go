// Goweb is Go's own http server, as its documentation begins; with -graceful it also listens for SIGTERM and shuts down.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	graceful := flag.Bool("graceful", false, "finish what is under way on SIGTERM")
	flag.Parse()
	pod := os.Getenv("POD_NAME")
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Pod", pod)
		fmt.Fprintln(w, pod)
	})
	if !*graceful {
		log.Fatal(http.ListenAndServe(":8080", nil))
	}
	server := &http.Server{Addr: ":8080"}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-stop.Done()
	bounded, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if err := server.Shutdown(bounded); err != nil {
		log.Fatal(err)
	}
}
