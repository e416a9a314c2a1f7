package token

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"
)

// row is all that is known about one code: how to recognize it, and what it means. The retry loop,
// [IsFinal], [Explain] and [InvalidateRejected] read the same rows.
type row struct {
	code    string
	cause   Cause
	retry   Retry
	meaning string
	next    []string

	// finalAfter is how long a refusal is taken as passing; then it is final.
	finalAfter time.Duration
	// gone means that the credentials of the identity may not be served any more.
	gone bool
	// unsent means that the token was missing, so that nobody was asked.
	unsent bool

	// is are the ways to recognize it, any of which will do; none: only an Explainer says so.
	is []match
}

// match recognizes an error. What is left out is not looked at.
type match struct {
	from  service
	codes []string // without a trailing "Exception"
	says  string   // part of the message
	when  func(answer) bool
	err   func(error) bool
}

// service is the service that answered.
type service string

const (
	fromSTS        service = "sts"
	fromContainer  service = "container"  // the credentials endpoint of EKS Pod Identity, of ECS
	fromKubernetes service = "kubernetes" // the API server
	fromOther      service = "other"      // any other service of AWS
)

// answer is what a service said; zero when none did.
type answer struct {
	from          service
	code, message string
	status        int
}

// find returns the first row that recognizes err, nil when none does.
func find(err error, a answer) *row {
	own := a.from == "" && errors.Is(err, context.Canceled) // the caller's own doing
	for i := range rows {
		for _, m := range rows[i].is {
			if m.matches(err, a) && !(own && rows[i].code != CodeNoIdentity) {
				return &rows[i]
			}
		}
	}
	return nil
}

func (m match) matches(err error, a answer) bool {
	switch {
	case m.from != "" && m.from != a.from,
		m.codes != nil && !slices.Contains(m.codes, strings.TrimSuffix(a.code, "Exception")),
		!strings.Contains(a.message, m.says),
		m.when != nil && !m.when(a),
		m.err != nil && !m.err(err):
		return false
	}
	return true
}

func (r *row) explanation(said string) Explanation {
	return Explanation{
		Code: r.code, Cause: r.cause, Said: scrub(said), Meaning: r.meaning,
		Next: slices.Clone(r.next), Retry: r.retry, FinalAfter: r.finalAfter,
	}
}

// rowOf returns the row of a code, nil when there is none.
func rowOf(code string) *row {
	if i := slices.IndexFunc(rows, func(r row) bool { return r.code == code }); i >= 0 {
		return &rows[i]
	}
	return nil
}

// KubernetesAnswer is an error that the Kubernetes API server answered with an HTTP status, such as
// tokenrequest.Error. [Explain] knows the statuses of a request for a token.
type KubernetesAnswer interface {
	error
	// KubernetesStatus is the HTTP status; 0 when somebody else answered in the API server's place.
	KubernetesStatus() int
}

// answerOf finds what a service said within err.
func answerOf(err error) answer {
	var kubernetes KubernetesAnswer
	if errors.As(err, &kubernetes) {
		return answer{from: fromKubernetes, status: kubernetes.KubernetesStatus()}
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		// A page of a proxy or of a load balancer: what its status says is true all the same.
		if status := statusOf(err); status >= http.StatusBadRequest {
			return answer{from: serviceOf(err), status: status}
		}
		return answer{}
	}
	a := answer{from: serviceOf(err), code: api.ErrorCode(), message: api.ErrorMessage(), status: statusOf(err)}
	if a.from == fromContainer && a.code == "" {
		a.code = agentCode(a.message)
	}
	return a
}

// serviceOf names who answered: the innermost call, as a call of S3 may fail for want of credentials
// from STS. An error that does not name a service counts as one of STS.
func serviceOf(err error) service {
	var redacted *redactedAPIError
	if errors.As(err, &redacted) {
		return redacted.from
	}
	switch id := innermost(err); {
	case id == "" && isOfEndpoint(err):
		return fromContainer
	case id == "" || id == "STS":
		return fromSTS
	}
	return fromOther
}

// isOfEndpoint is an error of endpointcreds, which names itself in no other way.
func isOfEndpoint(err error) bool { return strings.Contains(err.Error(), "failed to load credentials") }

// innermost is the id of the service that was called last; "" when err does not say.
func innermost(err error) string {
	id := ""
	for op := (*smithy.OperationError)(nil); errors.As(err, &op); err = op.Err {
		id = op.ServiceID
	}
	return id
}

// agentError is how the EKS Pod Identity agent puts an answer of EKS into plain text.
var agentError = regexp.MustCompile(`\((\w+)\): .*, fault: \w+`)

func agentCode(message string) string {
	if parts := agentError.FindStringSubmatch(message); parts != nil {
		return parts[1]
	}
	return ""
}

// isUnreadable is an answer that came, but not in the service's form or not to its end.
func isUnreadable(err error) bool {
	var api smithy.APIError
	var form *smithy.DeserializationError
	return errors.Is(err, errNoCredentials) ||
		!errors.As(err, &api) && (statusOf(err) != 0 || errors.As(err, &form)) && !isTimeout(err) && !isConnection(err)
}

// statusOf returns the HTTP status of the answer within err, 0 when there is none.
func statusOf(err error) int {
	var answered interface{ HTTPStatusCode() int }
	if errors.As(err, &answered) {
		return answered.HTTPStatusCode()
	}
	return 0
}
