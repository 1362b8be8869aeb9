package main

import (
	"context"
	"io"
	"log"
	"net"
)

// proxy pairs each connection to the unix socket with one that somebody opened to the TCP port, and copies both ways until one
// of the two ends. A client is taken first: the driver's side opens connections in advance and leaves them idle.
func proxy(ctx context.Context, socket, port string) error {
	clients, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer clients.Close()
	drivers, err := net.Listen("tcp", port)
	if err != nil {
		return err
	}
	defer drivers.Close()
	context.AfterFunc(ctx, func() {
		clients.Close()
		drivers.Close()
	})
	log.Printf("pairing %s with %s", socket, port)
	for {
		client, err := clients.Accept()
		if err == nil {
			var driver net.Conn
			if driver, err = drivers.Accept(); err == nil {
				go pair(client, driver)
				continue
			}
			client.Close()
		}
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
}

func pair(client, driver net.Conn) {
	defer client.Close()
	defer driver.Close()
	ended := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		io.Copy(to, from)
		ended <- struct{}{}
	}
	go pipe(client, driver)
	go pipe(driver, client)
	<-ended
}
