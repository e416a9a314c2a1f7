// Package iamfault lets tests step between an SDK client and IAM, on the wire: to refuse a call,
// to do something just before it or after it, and to count.
package iamfault

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Refusal is an error answer of IAM.
type Refusal struct {
	Status        int
	Code, Message string
}

// Transport passes requests on to Inner. It is safe for concurrent use once it is set up.
type Transport struct {
	Inner http.RoundTripper
	// Before is called with the action and its form before a request is passed on; a refusal
	// is answered instead. nil: nothing is done.
	Before func(action string, form url.Values) *Refusal
	// After is called when the answer is there, before the client sees it. nil: nothing.
	After func(action string)

	mu    sync.Mutex
	calls []string
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body.Close()
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	action := form.Get("Action")
	t.mu.Lock()
	t.calls = append(t.calls, action)
	t.mu.Unlock()
	if t.Before != nil {
		if r := t.Before(action, form); r != nil {
			return r.response(req), nil
		}
	}
	in := req.Clone(req.Context())
	in.Body = io.NopCloser(strings.NewReader(string(body)))
	res, err := t.Inner.RoundTrip(in)
	if t.After != nil {
		t.After(action)
	}
	return res, err
}

// Writes returns the actions called so far that are not Get… or List…, and forgets all calls.
func (t *Transport) Writes() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var writes []string
	for _, action := range t.calls {
		if !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "List") {
			writes = append(writes, action)
		}
	}
	t.calls = nil
	return writes
}

// response is in the form of IAM's Query protocol
// (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html).
func (r *Refusal) response(req *http.Request) *http.Response {
	body := fmt.Sprintf(`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>0</RequestId></ErrorResponse>`, r.Code, r.Message)
	return &http.Response{
		Status: http.StatusText(r.Status), StatusCode: r.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}
}
