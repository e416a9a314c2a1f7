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

// maxCalls bounds the calls to STS within one attempt.
const maxCalls = 3

// webIdentity gets credentials from AssumeRoleWithWebIdentity. It is safe for concurrent use when
// its client and source are.
type webIdentity struct {
	client  stscreds.AssumeRoleWithWebIdentityAPIClient
	roleARN string
	src     Source
	cfg     Config
	session atomic.Pointer[string] // the name last used
}

// newWebIdentity reports all problems at once, without the package's prefix.
func newWebIdentity(client stscreds.AssumeRoleWithWebIdentityAPIClient, roleARN string, src Source, cfg Config) (*webIdentity, error) {
	problems := clientProblems(client, "AssumeRoleWithWebIdentity")
	problems = append(problems, roleProblems(roleARN, client)...)
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

// fetch is a fetchFunc. With credentials still cached it makes one call: the backoff between
// attempts is what spares STS then, and nobody is in need. With none it tries a few times.
func (w *webIdentity) fetch(ctx context.Context, cold bool) (aws.Credentials, error) {
	token, err := w.read(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	for call := 1; ; call++ {
		creds, err := w.call(ctx, token)
		if err == nil {
			return creds, nil
		}
		if call == maxCalls {
			return aws.Credentials{}, err
		}
		next, again := w.again(ctx, lastCall{token, err, call, cold})
		if !again {
			return aws.Credentials{}, err
		}
		token = next
	}
}

// read gets a token from the source, and checks it.
func (w *webIdentity) read(ctx context.Context) (checkedToken, error) {
	raw, err := readSource(ctx, w.src)
	if err != nil {
		return checkedToken{}, &Error{Op: "read the token", RoleARN: w.roleARN, Err: redact(err, raw)}
	}
	raw = strings.TrimSpace(raw)
	claims, err := checkToken(raw, time.Now())
	if err != nil {
		return checkedToken{}, &Error{Op: "check the token", RoleARN: w.roleARN, Token: claims, Err: err}
	}
	return checkedToken{raw, claims}, nil
}

// readSource spares a File's errors the prefix that the outermost error has already.
func readSource(ctx context.Context, src Source) (string, error) {
	if f, ok := src.(File); ok {
		return f.read(ctx)
	}
	return src.Token(ctx)
}

// call asks STS once.
func (w *webIdentity) call(ctx context.Context, token checkedToken) (aws.Credentials, error) {
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
	out, err := w.client.AssumeRoleWithWebIdentity(ctx, input, onceAndUnlogged)
	if err == nil && (out == nil || out.Credentials == nil || out.Credentials.Expiration == nil) {
		err = errNoCredentials
	}
	if err != nil {
		return aws.Credentials{}, &Error{
			Op: "assume the role", RoleARN: w.roleARN, Token: token.claims, Err: redact(err, token.raw),
		}
	}
	return credentialsOf(out.Credentials, out.AssumedRoleUser, stscreds.WebIdentityProviderName), nil
}

// errNoCredentials is an answer of STS without an error, credentials or their expiry.
var errNoCredentials = errors.New("the answer of STS holds no credentials, or not when they expire")

func (w *webIdentity) lastSession() string {
	if name := w.session.Load(); name != nil {
		return *name
	}
	return w.cfg.SessionName
}

// onceAndUnlogged keeps the SDK from sending the same token again, when a rotated one may be
// there, and from printing the token and the credentials where its request logging is on.
func onceAndUnlogged(o *sts.Options) {
	o.Retryer = aws.NopRetryer{}
	o.RetryMaxAttempts = 1
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

// credentialsOf is an answer of STS as the SDK's own providers give it.
func credentialsOf(c *types.Credentials, user *types.AssumedRoleUser, source string) aws.Credentials {
	creds := aws.Credentials{
		AccessKeyID:     aws.ToString(c.AccessKeyId),
		SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken:    aws.ToString(c.SessionToken),
		Source:          source,
		CanExpire:       true,
		Expires:         aws.ToTime(c.Expiration),
	}
	if user != nil {
		if fields := strings.SplitN(aws.ToString(user.Arn), ":", 6); len(fields) == 6 {
			creds.AccountID = fields[4]
		}
	}
	return creds
}
