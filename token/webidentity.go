package token

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxTokens bounds the tokens sent within one call of fetch: a source may rotate into one that is
// refused like the last.
const maxTokens = 3

// webIdentity gets credentials from AssumeRoleWithWebIdentity. It is safe for concurrent use when
// its client and source are.
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

// The steps of an Error: two before STS is asked, and asking it.
const (
	opReadToken  = "read the token"
	opCheckToken = "check the token"
	opAssumeRole = "assume the role"
)

// readSource spares a File's errors the prefix that the outermost error has already.
func readSource(ctx context.Context, src Source) (string, error) {
	if f, ok := src.(File); ok {
		return f.read(ctx)
	}
	return src.Token(ctx)
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

// errNoCredentials is the error for an answer of STS that has neither an error nor credentials with
// an expiry.
var errNoCredentials = errors.New("STS's answer has no credentials, or not the time when they expire")

func expires(c *types.Credentials) bool { return c != nil && !aws.ToTime(c.Expiration).IsZero() }

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

// dateOf is the Date of the answer within err; zero when there is none.
func dateOf(err error) time.Time {
	var answered interface{ HTTPResponse() *smithyhttp.Response }
	if !errors.As(err, &answered) || answered.HTTPResponse() == nil || answered.HTTPResponse().Response == nil {
		return time.Time{}
	}
	date, _ := http.ParseTime(answered.HTTPResponse().Header.Get("Date"))
	return date
}

// defaultDuration is how long credentials of STS live when nothing else is asked for.
const defaultDuration = time.Hour

// received puts the expiry of an answer of STS on this machine's clock, which may be wrong: by the
// answer's own Date or, where it has none and the times make no sense, by the duration asked for. What
// did not come over HTTP has the times of this process, and stays as it is.
func (r Refresh) received(creds aws.Credentials, asked time.Duration, answer middleware.Metadata) obtained {
	got := obtained{creds, creds.Expires}
	if awsmiddleware.GetRawResponse(answer) == nil {
		return got
	}
	if asked == 0 {
		asked = defaultDuration
	}
	now := r.Now.At(time.Now())
	date, _ := awsmiddleware.GetServerTime(answer)
	lifetime := creds.Expires.Sub(cmp.Or(date, now))
	if lifetime <= 0 || date.IsZero() && lifetime > asked {
		lifetime = asked
	}
	got.creds.Expires = now.Round(0).Add(lifetime)
	return got
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

// credentialsOf returns the credentials of an answer as the SDK's own providers do.
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
