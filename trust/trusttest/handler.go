package trusttest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"sync"
)

// maxBody holds a policy document of the documented 131072 characters, each of which may
// take two bytes (U+00FF is the last) and so six characters percent-encoded.
const maxBody = 1 << 20

// stsNamespace is also that of answers to requests that name no service.
const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// call is one request on its way through the account.
type call struct {
	ctx       context.Context
	service   service
	action    string
	requestID string
	form      *form
	caller    session // zero for an operation that takes no signature
}

// ServeHTTP answers requests to IAM and STS, which speak the Query protocol at the path "/", and
// to EKS and its agent, which have paths of their own. It is safe for concurrent use and needs no
// server of the account to run.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.eks.Handler(r); pattern != "" {
		a.eks.ServeHTTP(w, r)
		return
	}
	c := &call{ctx: r.Context(), service: service{namespace: stsNamespace}, requestID: newRequestID()}
	result, err := a.serve(c, w, r)
	if err == nil {
		writeResult(w, c, result)
		return
	}
	writeRefusal(w, c, refusalOf(err))
}

func (a *Account) serve(c *call, w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	values, err := parameters(r, body)
	if err != nil {
		return nil, err
	}
	c.form = &form{values: values}
	c.action = values.Get("Action")
	do, err := a.route(c, values.Get("Version"))
	if err != nil {
		return nil, err
	}
	a.calls.add(c.action)
	if err := a.faults.strike(c); err != nil {
		return nil, err
	}
	if c.action != "AssumeRoleWithWebIdentity" { // the one operation that takes no signature
		if c.caller, _, err = a.authenticate(r, body, c.service.name); err != nil {
			return nil, err
		}
	}
	if err := a.authorize(c); err != nil {
		return nil, err
	}
	c.form.naming = c.service.name == "sts"
	return do(c)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil { // only of a request that no server read
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		// The text is unproven.
		return nil, refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Request entity is too large.")
	}
	return body, err
}

func malformedQuery() error { // CommonErrors
	return refuse(http.StatusBadRequest, "MalformedQueryString", "The query string contains a syntax error")
}

// parameters reads the form of a POST or the query of a GET, never a mixture.
func parameters(r *http.Request, body []byte) (url.Values, error) {
	query := r.URL.RawQuery
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
			return nil, malformedQuery()
		}
		query = string(body)
	default:
		return nil, refuse(http.StatusMethodNotAllowed, "UnsupportedMethod", "want POST or GET") // unproven
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, malformedQuery()
	}
	return values, nil
}

func (a *Account) route(c *call, version string) (operation, error) {
	if c.action == "" {
		// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
		return nil, refuse(http.StatusBadRequest, "MissingAction", "The request is missing an action or a required parameter.")
	}
	named, known := a.apis[version]
	do, ok := named.operations[c.action]
	if known {
		c.service = named
	}
	if !ok {
		// Observed of endpoints that are not STS's.
		return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", c.action, version)
	}
	return do, nil
}

// callCounts counts requests by action.
type callCounts struct {
	mu     sync.Mutex
	counts map[string]int
	total  int
}

func (n *callCounts) add(action string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.counts == nil {
		n.counts = map[string]int{}
	}
	n.counts[action]++
	n.total++
}

func (n *callCounts) get(action string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if action == "" {
		return n.total
	}
	return n.counts[action]
}
