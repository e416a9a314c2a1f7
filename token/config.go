package token

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/partition"
)

// ErrNoRegion is what errors.Is finds when an STS client has no region. STS is asked in the region
// that the program names, never in one that was guessed.
var ErrNoRegion = errors.New("the STS client has no region: set AWS_REGION, or Region in its aws.Config")

// Limits of AssumeRoleWithWebIdentity
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html);
// AssumeRole has the same.
const (
	minDuration     = 15 * time.Minute
	maxDuration     = 12 * time.Hour
	maxPolicyLength = 2048
	maxPolicyARNs   = 10
	minRoleARN      = 20
	maxRoleARN      = 2048
)

// Config is what a Provider asks STS for beyond the role, and how it keeps it. The zero value
// asks for one hour of all that the role may do.
type Config struct {
	// SessionName names the session in CloudTrail and in the assumed role's ARN: 2 to 64 of
	// [\w+=,.@-]. "": NAMESPACE.ACCOUNT@POD as the token says, which stays the same at every
	// refresh and tells pods apart; one that is too long is cut and ends with a hash of the
	// whole. Of a token that names no service account it is "irsa", with a hash of the subject
	// where there is one.
	SessionName string
	// Duration is how long the credentials live: whole seconds from 15 minutes to 12 hours, at
	// most the role's MaxSessionDuration. 0: STS's default, 1 hour.
	Duration time.Duration
	// Policy is a session policy in JSON, of at most 2048 characters, which narrows what the
	// role may do. "": none.
	Policy string
	// PolicyARNs are at most 10 managed policies that narrow what the role may do. nil: none.
	PolicyARNs []string
	// ClientRetries leaves it to the client how often it sends a request. Without it the client is
	// asked for one attempt at a time, because it would send the same token again when the source
	// may have a newer one; the Provider has its own retries, see [Refresh]. With it both have.
	ClientRetries bool
	// Refresh says when the credentials are renewed.
	Refresh Refresh
}

// problems are all that STS would refuse, most likely at the first call, hours after the start
// of the program, or never noticed.
func (c Config) problems() []error {
	problems := sessionProblems("SessionName", c.SessionName)
	problems = append(problems, durationProblems(c.Duration, maxDuration)...)
	problems = append(problems, policyProblems(c.Policy, c.PolicyARNs)...)
	return append(problems, c.Refresh.problems()...)
}

func sessionProblems(field, name string) []error {
	if name == "" {
		return nil
	}
	if err := arn.CheckSessionName(name); err != nil {
		return []error{fmt.Errorf("%s: %w", field, err)}
	}
	return nil
}

func durationProblems(d, limit time.Duration) []error {
	switch {
	case d == 0:
		return nil
	case d < minDuration || d > limit:
		return []error{fieldError("Duration", d, fmt.Sprintf("0 or %v to %v", minDuration, limit))}
	case d%time.Second != 0:
		return []error{fieldError("Duration", d, "whole seconds")}
	}
	return nil
}

func policyProblems(policy string, arns []string) []error {
	var problems []error
	// STS counts characters; IAM's documents are ASCII but for the values in them.
	if n := len([]rune(policy)); n > maxPolicyLength {
		problems = append(problems, fieldError("Policy", fmt.Sprintf("%d characters", n), fmt.Sprintf("at most %d", maxPolicyLength)))
	}
	if len(arns) > maxPolicyARNs {
		problems = append(problems, fieldError("PolicyARNs", len(arns), fmt.Sprintf("at most %d", maxPolicyARNs)))
	}
	for i, a := range arns {
		if _, err := arn.ParsePolicy(a); err != nil {
			problems = append(problems, fmt.Errorf("PolicyARNs[%d]: %q: %w", i, a, err))
		}
	}
	return problems
}

func fieldError(field string, is any, want string) error {
	return fmt.Errorf("%s: it is %v, want %s", field, is, want)
}

// roleProblems checks a role's ARN. Systems other than AWS, which have an endpoint of their own,
// write accounts and partitions differently: arn:minio:iam:::role/NAME,
// arn:aws:iam::TENANT:role/NAME.
func roleProblems(roleARN string, ownEndpoint bool) []error {
	err := checkForeignRole(roleARN)
	if !ownEndpoint {
		_, err = arn.ParseRole(roleARN)
	}
	if err != nil {
		return []error{fmt.Errorf("role ARN %q: %w", roleARN, err)}
	}
	return nil
}

// checkForeignRole checks no more than the form: arn:PARTITION:iam::ACCOUNT:role/NAME.
func checkForeignRole(s string) error {
	fields := strings.SplitN(s, ":", 6)
	switch {
	case len(s) < minRoleARN || len(s) > maxRoleARN:
		return fmt.Errorf("it has %d characters, want %d to %d", len(s), minRoleARN, maxRoleARN)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("it has a character that is not printable ASCII")
	case len(fields) != 6 || fields[0] != "arn" || fields[1] == "" || fields[2] != "iam" || fields[3] != "",
		!strings.HasPrefix(fields[5], "role/") || strings.HasSuffix(fields[5], "/"):
		return errors.New("want arn:PARTITION:iam::ACCOUNT:role/NAME")
	}
	return nil
}

// roleOfClient checks a role's ARN, and that it is of the partition that the client calls.
func roleOfClient(roleARN string, client any) []error {
	o, ok := stsOptions(client)
	own := ok && o.BaseEndpoint != nil
	problems := roleProblems(roleARN, own)
	if len(problems) > 0 || !ok || own {
		return problems
	}
	role, _ := arn.ParseRole(roleARN)
	if p, known := partition.ByRegion(withoutFIPS.Replace(o.Region)); known && p.Name != role.Partition {
		return []error{fmt.Errorf("role ARN %q: its partition is %q, but region %q of the STS client is of %q",
			roleARN, role.Partition, o.Region, p.Name)}
	}
	return nil
}

// withoutFIPS gives the region that the SDK means by an old name of its FIPS endpoint
// (finalizeClientEndpointResolverOptions of service/sts v1.52.0).
var withoutFIPS = strings.NewReplacer("-fips-", "-", "fips-", "", "-fips", "")

// stsOptions returns the options of an *sts.Client, or of a client that passes them on; other
// clients have none to check.
func stsOptions(client any) (sts.Options, bool) {
	if c, ok := client.(interface{ Options() sts.Options }); ok && !isNil(client) {
		return c.Options(), true
	}
	return sts.Options{}, false
}

func regionProblems(client any) []error {
	if o, ok := stsOptions(client); ok && o.Region == "" {
		return []error{ErrNoRegion}
	}
	return nil
}

func clientProblems(client any, operation string) []error {
	if isNil(client) {
		return []error{fmt.Errorf("client: it is nil, want one that has %s", operation)}
	}
	return regionProblems(client)
}

func sourceProblems(src Source) []error {
	if isNil(src) {
		return []error{errors.New("source: it is nil")}
	}
	if f, ok := src.(File); ok && f == "" {
		return []error{errors.New("source: it is a File with an empty path")}
	}
	return nil
}

// isNil finds also the nil pointer or function of an interface that is not nil.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map:
		return r.IsNil()
	}
	return false
}

// seconds is d as STS takes it; nil: STS's default.
func seconds(d time.Duration) *int32 {
	if d == 0 {
		return nil
	}
	return aws.Int32(int32(d / time.Second))
}

var _ stscreds.AssumeRoleWithWebIdentityAPIClient = (*sts.Client)(nil)
