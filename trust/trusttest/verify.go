package trusttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxVerified bounds the body of a request that Verify reads.
const maxVerified = 64 << 20

// Caller is the signer of a request. It is a plain value.
type Caller struct {
	// ARN and UserID are those of GetCallerIdentity, such as
	// "arn:aws:sts::111122223333:assumed-role/app/pod-1".
	ARN, UserID string
	// RoleARN is the role of an assumed role's session, with its path; "" for the
	// administrator.
	RoleARN string
	// AccessKeyID is the key that the request is signed with.
	AccessKeyID string
	// Tags are the caller's principal tags: the role's, and over them the session's.
	Tags map[string]string
	// SourceIdentity is the session's source identity; "" without one.
	SourceIdentity string
	// Service and Region are those that the request is signed for.
	Service, Region string
	// PayloadSigned says whether the signature covers the body. One for S3 need not.
	PayloadSigned bool
}

// SignatureError says why a request must be refused. It is a plain value.
type SignatureError struct {
	// Status is the HTTP status to answer, 400 or 403; Code and Message are AWS's.
	Status        int
	Code, Message string
}

// Error has the code and the message.
func (e *SignatureError) Error() string { return e.Code + ": " + e.Message }

// Verify verifies the signature of a request to any service and region, in its Authorization header
// or in its query, and says who signed it. So your own handler can stand for S3, ECR or any other
// service before clients with credentials of this account, and refuse what AWS refuses:
// unknown keys, altered requests, expired sessions (ExpiredToken, 403).
//
// The body is read, up to 64 MiB, and put back, unless the signature does not cover it. Chunks
// of a stream that are signed one by one (aws-chunked) are not verified. What the caller may
// do is the handler's to decide: permission policies are not evaluated.
//
// Errors: *[SignatureError]; a body that cannot be read or is too long.
func (a *Account) Verify(r *http.Request) (Caller, error) {
	fail := func(err error) (Caller, error) {
		if refused := (*refusal)(nil); errors.As(err, &refused) {
			err = &SignatureError{Status: refused.status, Code: refused.code, Message: refused.message}
		}
		return Caller{}, fmt.Errorf("trusttest: verify: %w", err)
	}
	if r == nil || r.URL == nil {
		return fail(errors.New("the request is nil"))
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return fail(malformedQuery())
	}
	sig, err := readSignature(r)
	if err != nil {
		return fail(err)
	}
	if err := sig.checkCovered(r); err != nil {
		return fail(err)
	}
	var body []byte
	if sig.coversPayload(r) && r.Body != nil {
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxVerified+1)); err != nil {
			return fail(fmt.Errorf("read the body: %w", err))
		}
		if len(body) > maxVerified {
			return fail(fmt.Errorf("the body has more than %d bytes", maxVerified))
		}
		r.Body = struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(body), r.Body}
	}
	who, sig, err := a.authenticate(r, body, "")
	if err != nil {
		return fail(err)
	}
	return Caller{
		ARN: who.arn, UserID: who.userID, RoleARN: who.roleARN, AccessKeyID: who.accessKeyID,
		Tags: a.principalTags(who).asMap(), SourceIdentity: who.taken.source,
		Service: sig.service, Region: sig.region, PayloadSigned: sig.coversPayload(r),
	}, nil
}

// checkCovered wants every header of AWS's own to be signed, as S3 does
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): else whoever
// passes a request on could add what changes its meaning.
func (s signature) checkCovered(r *http.Request) error {
	for name := range r.Header {
		lower := strings.ToLower(name)
		if s.service == "s3" && strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.headers, lower) {
			return refuse(http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed")
		}
	}
	return nil
}
