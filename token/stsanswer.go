package token

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// errNoCredentials is the error for an answer of STS that has neither an error nor credentials with
// an expiry.
var errNoCredentials = errors.New("STS's answer has no credentials, or not the time when they expire")

func expires(c *types.Credentials) bool { return c != nil && !aws.ToTime(c.Expiration).IsZero() }

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

// headerOf is a header of the answer within err; "" when there is none.
func headerOf(err error, name string) string {
	var answered interface{ HTTPResponse() *smithyhttp.Response }
	if !errors.As(err, &answered) || answered.HTTPResponse() == nil || answered.HTTPResponse().Response == nil {
		return ""
	}
	return answered.HTTPResponse().Header.Get(name)
}

// dateOf is the Date of the answer within err; zero when there is none.
func dateOf(err error) time.Time {
	date, _ := http.ParseTime(headerOf(err, "Date"))
	return date
}

// retryAfter is for how long a service wants to be left alone, as it tells the SDK's own retries
// (adjustForRetryAfterHeader in aws/retry of aws-sdk-go-v2 v1.48.0); 0 where it does not say.
func retryAfter(err error) time.Duration {
	ms, bad := strconv.ParseUint(headerOf(err, "X-Amz-Retry-After"), 10, 31)
	if bad != nil {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
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
