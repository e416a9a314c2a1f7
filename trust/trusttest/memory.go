package trusttest

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// memoryEndpoint leads nowhere on any network (RFC 6761 §6.4).
const memoryEndpoint = "http://trusttest.invalid"

// Transport returns a transport that hands every request to the account in the calling
// goroutine, whatever its URL: no network, no goroutine, usable in a testing/synctest
// bubble. It is safe for concurrent use.
func (a *Account) Transport() http.RoundTripper { return memory{a} }

type memory struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in := req.Clone(ctx) // a handler may change what it got, a transport must not
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := &recorder{header: http.Header{}}
	m.handler.ServeHTTP(out, in)
	if err := ctx.Err(); err != nil {
		return nil, err // the answer came too late for the caller
	}
	return out.response(req), nil
}

// recorder keeps an answer until the handler is done.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) response(req *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat)) // SDKs read the server's clock from it
	return &http.Response{
		Status:        http.StatusText(r.status),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.header,
		Body:          io.NopCloser(&r.body),
		ContentLength: int64(r.body.Len()),
		Request:       req,
	}
}
