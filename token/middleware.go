package token

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Invalidator can be told that a service rejected credentials. A [Provider] is one.
type Invalidator interface {
	Invalidate(accessKeyID string)
}

// InvalidateRejected returns a function for aws.Config.APIOptions. With it, every client made from
// that config tells inv when a service refuses the credentials for their age, with the id of the access
// key that had signed the request; nothing in the SDK does so by itself. It is what [Explain] calls
// credentials-expired: ExpiredToken, ExpiredTokenException, TokenRefreshRequired and EC2's
// RequestExpired. [Configure] and [WithCredentials] have it already.
//
//	cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p))
//
// caches are the aws.CredentialsCache around inv, if there are any: they would go on serving what
// was rejected. config.LoadDefaultConfig puts one into aws.Config.Credentials:
//
//	cache, _ := cfg.Credentials.(*aws.CredentialsCache)
//	cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p, cache))
//
// The rejected request is not sent again. A nil inv and nil caches are left out.
func InvalidateRejected(inv Invalidator, caches ...interface{ Invalidate() }) func(*middleware.Stack) error {
	watch := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		middleware.DeserializeOutput, middleware.Metadata, error,
	) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if err != nil && rejectsCredentials(err) {
			if id := accessKeyOf(in.Request); id != "" {
				invalidateAll(id, inv, caches)
			}
		}
		return out, metadata, err
	}
	return func(stack *middleware.Stack) error {
		// A stack refuses a second middleware of the same id, and there may be one for each role of
		// a chain.
		id := "irsa.InvalidateRejected"
		for taken := true; taken; {
			if _, taken = stack.Deserialize.Get(id); taken {
				id += "+"
			}
		}
		// First in this step: the request is signed by then, and the operation's own deserializer
		// has made an error of the answer on the way back.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc(id, watch), middleware.Before)
	}
}

func invalidateAll(id string, inv Invalidator, caches []interface{ Invalidate() }) {
	if !isNil(inv) {
		inv.Invalidate(id)
	}
	for _, c := range caches {
		if !isNil(c) {
			c.Invalidate()
		}
	}
}

// rejectsCredentials says whether a service refused the credentials of a signed request for their
// age. AccessDenied is not such a refusal: new credentials of the same role are denied too.
func rejectsCredentials(err error) bool {
	a := answerOf(err)
	if a.from == "" {
		return false
	}
	a.from = fromOther // it was signed, so that STS does not speak of a web identity token
	r := find(err, a)
	return r != nil && r.retry == RetryNewCredentials
}

// accessKeyOf finds the access key that signed a request; "" when none did, as with
// AssumeRoleWithWebIdentity, whose ExpiredTokenException speaks of another token.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func accessKeyOf(request any) string {
	r, ok := request.(*smithyhttp.Request)
	if !ok || r == nil || r.Request == nil {
		return ""
	}
	scope := signedScope(r.Header, r.URL)
	id, _, _ := strings.Cut(scope, "/")
	return id
}

// signedScope returns "AKID/DATE/…" from the Authorization header or from a presigned URL.
func signedScope(h http.Header, u *url.URL) string {
	if _, rest, ok := strings.Cut(h.Get("Authorization"), "Credential="); ok {
		return rest
	}
	if u == nil {
		return ""
	}
	return u.Query().Get("X-Amz-Credential")
}
