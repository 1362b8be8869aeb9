package main

import (
	"encoding/json"
	"log"

	"google.golang.org/grpc/status"
)

// fullError is a gRPC error as the specs read it.
type fullError struct {
	Code    uint32 `json:"code"`
	Message string `json:"message"`
}

// logCall writes a call as a line that Kubernetes' specs look for in this container's log, to see what the driver was asked. They look for
// secrets in it too: it is written with -v=5 only, which nobody but a test says.
func logCall(method string, request, response any, err error) {
	call := struct {
		Method            string
		Request, Response any
		Error             string
		FullError         *fullError
	}{Method: method, Request: request, Response: response}
	if err != nil {
		call.Error = err.Error()
		call.FullError = &fullError{Code: uint32(status.Code(err)), Message: status.Convert(err).Message()}
	}
	text, err := json.Marshal(call)
	if err != nil {
		log.Printf("%s cannot be logged: %v", method, err)
		return
	}
	log.Printf("gRPCCall: %s", text)
}
