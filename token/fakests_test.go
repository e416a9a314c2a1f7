package token_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/irsa-go/irsa/token"
)

const (
	roleARN  = "arn:aws:iam::111122223333:role/reader"
	otherARN = "arn:aws:iam::444455556666:role/writer"
)

// fakeSTS speaks the wire protocol of STS in memory, under the real client of the SDK. It does not
// judge tokens; it is for what happens around a call.
type fakeSTS struct {
	mu       sync.Mutex
	calls    []url.Values                           // every form received, in order
	signers  []string                               // the access key of each call, "" when unsigned
	fault    func(n int, form url.Values) *stsFault // n counts calls from 1; nil: healthy
	delay    time.Duration
	lifetime time.Duration // 0: as asked for, 1 h by default
	dated    bool          // the answers have a Date
	judges   bool          // tokens that have expired are refused
	inFlight int
	most     int // calls at the same time
}

// stsFault is an answer that is an error; with status 0 the connection breaks.
type stsFault struct {
	status        int
	code, message string
}

// always fails every call.
func always(f stsFault) func(int, url.Values) *stsFault {
	return func(int, url.Values) *stsFault { return &f }
}

// first fails the first n calls.
func first(n int, f stsFault) func(int, url.Values) *stsFault {
	return func(call int, _ url.Values) *stsFault {
		if call > n {
			return nil
		}
		return &f
	}
}

func (s *fakeSTS) setFault(f func(int, url.Values) *stsFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *fakeSTS) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// last is the form of the latest call.
func (s *fakeSTS) last() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[len(s.calls)-1]
}

// client is a real STS client whose retries would make three calls of one.
func (s *fakeSTS) client() *sts.Client { return sts.NewFromConfig(s.config()) }

func (s *fakeSTS) config() aws.Config { return aws.Config{Region: "eu-central-1", HTTPClient: s} }

// Do is the transport: it answers AssumeRoleWithWebIdentity and AssumeRole.
func (s *fakeSTS) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	n, fault := s.enter(r, form)
	defer s.leave()
	if u, err := token.Inspect(form.Get("WebIdentityToken")); s.judges && err == nil && !u.Expires.After(time.Now()) {
		fault = &stsFault{http.StatusBadRequest, "ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time1"}
	}
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	status, answer := http.StatusOK, ""
	switch {
	case fault != nil && fault.status == 0:
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: io.ErrUnexpectedEOF}
	case fault != nil:
		status = fault.status
		answer = fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>`+
			`<Code>%s</Code><Message>%s</Message></Error><RequestId>req-%d</RequestId></ErrorResponse>`,
			fault.code, html.EscapeString(fault.message), n)
	default:
		answer = s.answer(n, form)
	}
	header := http.Header{"Content-Type": {"text/xml"}}
	if s.dated {
		header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return &http.Response{
		StatusCode: status, Header: header,
		Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

func (s *fakeSTS) enter(r *http.Request, form url.Values) (int, *stsFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	signer, _, _ := strings.Cut(scope, "/")
	s.calls, s.signers = append(s.calls, form), append(s.signers, signer)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	if s.fault == nil {
		return len(s.calls), nil
	}
	return len(s.calls), s.fault(len(s.calls), form)
}

func (s *fakeSTS) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
}

// answer gives credentials whose access key is ASIA and the number of the call.
func (s *fakeSTS) answer(n int, form url.Values) string {
	lifetime := s.lifetime
	if lifetime == 0 {
		lifetime = time.Hour
		if d, err := time.ParseDuration(form.Get("DurationSeconds") + "s"); err == nil {
			lifetime = d
		}
	}
	account := strings.Split(form.Get("RoleArn"), ":")[4]
	action := form.Get("Action")
	return fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult>`+
		`<Credentials><AccessKeyId>ASIA%[2]d</AccessKeyId><SecretAccessKey>secret-%[2]d</SecretAccessKey>`+
		`<SessionToken>session-%[2]d</SessionToken><Expiration>%[3]s</Expiration></Credentials>`+
		`<AssumedRoleUser><Arn>arn:aws:sts::%[4]s:assumed-role/r/%[5]s</Arn><AssumedRoleId>AROA:%[5]s</AssumedRoleId></AssumedRoleUser>`+
		`</%[1]sResult></%[1]sResponse>`,
		action, n, time.Now().Add(lifetime).UTC().Format(time.RFC3339Nano), account, form.Get("RoleSessionName"))
}

// podToken is a token that a kube-apiserver would bind to a pod; serial makes it a different one.
func podToken(serial int, lifetime time.Duration) string {
	now := time.Now()
	claims, _ := json.Marshal(map[string]any{
		"iss": "https://issuer.example/cluster", "sub": "system:serviceaccount:payments:api",
		"aud": []string{"sts.amazonaws.com"}, "jti": fmt.Sprint("serial-", serial),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"kubernetes.io": map[string]any{
			"namespace": "payments", "pod": map[string]string{"name": "api-7d4b9-x2x", "uid": "p"},
			"serviceaccount": map[string]string{"name": "api", "uid": "u"},
		},
	})
	return claimsOnly(string(claims)) + fmt.Sprintf("%08d", serial)
}

// rotating is a source whose token is a new one at every call.
func rotating() token.SourceFunc {
	n := 0
	return func(context.Context) (string, error) {
		n++
		return podToken(n, time.Hour), nil
	}
}

// logTo is the SDK's logger, into a buffer.
type logTo struct{ *strings.Builder }

func (l logTo) Logf(_ logging.Classification, format string, v ...any) {
	fmt.Fprintf(l, format+"\n", v...)
}
