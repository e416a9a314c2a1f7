package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// maxTokens bounds the tokens sent within one call of fetch: a source may rotate into one that is
// refused like the last.
const maxTokens = 3

// webIdentity gets credentials from AssumeRoleWithWebIdentity: fetch reads a token and calls STS with
// it. When to do so is the engine's to decide. It is safe for concurrent use when its client and
// source are.
type webIdentity struct {
	client  stscreds.AssumeRoleWithWebIdentityAPIClient
	roleARN string
	src     Source
	cfg     Config
	session atomic.Pointer[string]       // the name last used
	expired atomic.Pointer[expiredToken] // what STS last refused as expired
}

// expiredToken is a token that STS refused for its age. It is not sent again for a while: the source
// must give another.
type expiredToken struct {
	raw   string
	until time.Time
}

// newWebIdentity reports all problems at once, without the package's prefix.
func newWebIdentity(client stscreds.AssumeRoleWithWebIdentityAPIClient, roleARN string, src Source, cfg Config) (*webIdentity, error) {
	problems := clientProblems(client, "AssumeRoleWithWebIdentity")
	problems = append(problems, roleOfClient(roleARN, client)...)
	problems = append(problems, sourceProblems(src)...)
	problems = append(problems, cfg.problems()...)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	cfg.PolicyARNs = slices.Clone(cfg.PolicyARNs)
	return &webIdentity{client: client, roleARN: roleARN, src: src, cfg: cfg}, nil
}

// checkedToken is a token that may be sent, and what it says of itself.
type checkedToken struct {
	raw    string
	claims Unverified
}

// fetch is a fetchFunc: one call, and another one at once when STS says that the token has expired and
// the source has a different one by now.
func (w *webIdentity) fetch(ctx context.Context) (obtained, error) {
	var sent string
	var refused error
	for range maxTokens {
		token, err := w.read(ctx)
		if refused != nil && (err != nil || token.raw == sent) {
			break
		}
		if err != nil {
			return obtained{}, err
		}
		got, err := w.call(ctx, token)
		if !isExpiredToken(err) {
			return got, err
		}
		w.expired.Store(&expiredToken{token.raw, time.Now().Add(sparing())})
		sent, refused = token.raw, err
	}
	return obtained{}, refused
}

// read gets a token from the source, and checks it.
func (w *webIdentity) read(ctx context.Context) (checkedToken, error) {
	raw, err := readSource(ctx, w.src)
	if err != nil {
		return checkedToken{}, &Error{Op: opReadToken, RoleARN: w.roleARN, Err: redact(err, raw)}
	}
	raw = strings.TrimSpace(raw)
	claims, err := checkToken(raw)
	if x := w.expired.Load(); err == nil && x != nil && raw == x.raw && time.Now().Before(x.until) {
		err = ErrTokenExpired
	}
	if err != nil {
		return checkedToken{}, &Error{Op: opCheckToken, RoleARN: w.roleARN, Token: claims, Err: err}
	}
	return checkedToken{raw, claims}, nil
}

// call asks STS once.
func (w *webIdentity) call(ctx context.Context, token checkedToken) (obtained, error) {
	name := w.cfg.SessionName
	if name == "" {
		name = sessionName(token.claims)
	}
	w.session.Store(&name)
	input := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          &w.roleARN,
		RoleSessionName:  &name,
		WebIdentityToken: &token.raw,
		DurationSeconds:  seconds(w.cfg.Duration),
		Policy:           optional(w.cfg.Policy),
		PolicyArns:       policyDescriptors(w.cfg.PolicyARNs),
	}
	out, err := w.client.AssumeRoleWithWebIdentity(ctx, input, w.options)
	if err == nil && (out == nil || !expires(out.Credentials)) {
		err = errNoCredentials
	}
	if err != nil {
		return obtained{}, w.refused(err, token)
	}
	creds := credentialsOf(out.Credentials, out.AssumedRoleUser, stscreds.WebIdentityProviderName)
	return w.cfg.Refresh.received(creds, w.cfg.Duration, out.ResultMetadata), nil
}

func (w *webIdentity) lastSession() string {
	if name := w.session.Load(); name != nil {
		return *name
	}
	return w.cfg.SessionName
}

// isExpiredToken says whether STS refused the token for its age.
func isExpiredToken(err error) bool {
	e, _ := Explain(err)
	return isOfAge(e.Code)
}

func isOfAge(code Code) bool { return code == CodeTokenExpired || code == CodeTokenTooOld }

func (w *webIdentity) refused(err error, token checkedToken) *Error {
	return &Error{
		Op: opAssumeRole, RoleARN: w.roleARN, Token: token.claims, Err: redact(err, token.raw),
		at: w.cfg.Refresh.Now.At(time.Now()), serviceTime: dateOf(err),
	}
}

// options are those of one call.
func (w *webIdentity) options(o *sts.Options) {
	unlogged(o)
	if !w.cfg.ClientRetries {
		o.Retryer = aws.NopRetryer{}
		o.RetryMaxAttempts = 1
	}
}

// unlogged keeps the SDK from printing the token and the credentials where its logging of bodies is on, and
// from keeping them in an error.
func unlogged(o *sts.Options) {
	o.APIOptions = append(slices.Clip(o.APIOptions), withoutRequests)
	if o.ClientLogMode.IsRequestWithBody() {
		o.ClientLogMode.ClearRequestWithBody()
		o.ClientLogMode |= aws.LogRequest
	}
	if o.ClientLogMode.IsResponseWithBody() {
		o.ClientLogMode.ClearResponseWithBody()
		o.ClientLogMode |= aws.LogResponse
	}
}

func policyDescriptors(arns []string) []types.PolicyDescriptorType {
	var list []types.PolicyDescriptorType
	for _, a := range arns {
		list = append(list, types.PolicyDescriptorType{Arn: aws.String(a)})
	}
	return list
}
