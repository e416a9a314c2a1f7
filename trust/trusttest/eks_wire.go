package trusttest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// The answers of the REST JSON protocol
// (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html).

// rest is one request to EKS, or to the agent on a node, on its way through the account.
type rest struct {
	*call
	r    *http.Request
	body []byte
}

// read decodes the body, in which EKS knows no duplicate and no trailing text.
func (c *rest) read(in any) error {
	if err := json.Unmarshal(c.body, in); err != nil {
		return refuse(http.StatusBadRequest, "SerializationException", "the request body is not the JSON of %s", c.action) // unproven
	}
	return nil
}

// restOperation does what an action of EKS is for and returns its result.
type restOperation func(*rest) (any, error)

// handleREST makes a route of mux answer as EKS does: action for action, signed for service.
func (a *Account) handleREST(mux *http.ServeMux, pattern, service, action string, do restOperation) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := &rest{call: &call{ctx: r.Context(), requestID: newRequestID(), action: action}, r: r}
		result, err := a.serveREST(c, w, service, do)
		if err != nil {
			writeRESTRefusal(w, c.requestID, refusalOf(err))
			return
		}
		writeJSON(w, c.requestID, http.StatusOK, result)
	})
}

func (a *Account) serveREST(c *rest, w http.ResponseWriter, service string, do restOperation) (any, error) {
	var err error
	if c.body, err = readBody(w, c.r); err != nil {
		return nil, err
	}
	a.calls.add(c.action)
	if err := a.faults.strike(c.call); err != nil {
		return nil, err
	}
	if c.caller, _, err = a.authenticate(c.r, c.body, service); err != nil {
		return nil, err
	}
	if !c.caller.isAdministrator() {
		return nil, accessDenied("User: %s is not authorized to perform: %s:%s", c.caller.arn, service, c.action)
	}
	return do(c)
}

// writeRESTRefusal names the code as services of this protocol do, "…Exception" at the end.
func writeRESTRefusal(w http.ResponseWriter, requestID string, r *refusal) {
	w.Header().Set("X-Amzn-Errortype", exceptionCode(r))
	writeJSON(w, requestID, r.status, map[string]string{"message": r.message})
}

func exceptionCode(r *refusal) string { return strings.TrimSuffix(r.code, "Exception") + "Exception" }

func writeJSON(w http.ResponseWriter, requestID string, status int, result any) {
	body, _ := json.Marshal(result) // plain values: it cannot fail
	w.Header().Set("Content-Type", "application/json")
	write(w, requestID, status, body)
}
