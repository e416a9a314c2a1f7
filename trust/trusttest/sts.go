package trusttest

import (
	"strconv"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/trust"
)

// getCallerIdentity needs no permission
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
func (a *Account) getCallerIdentity(c *call) (any, error) {
	return struct{ Arn, UserId, Account string }{c.caller.arn, c.caller.userID, a.id}, nil
}

// assumption is what both ways to assume a role ask for.
type assumption struct {
	roleARN     string
	sessionName string
	duration    time.Duration
}

func sessionNameLimits() limits {
	return limits{required: true, min: 2, max: 64, class: sessionNameClass()}
}

// assumption reads the parameters; what is wrong with them waits in the form.
func (f *form) assumption() assumption {
	return assumption{
		roleARN:     f.text("RoleArn", arnLimits()),
		sessionName: f.text("RoleSessionName", sessionNameLimits()),
		duration:    time.Duration(f.number("DurationSeconds", 900, 43200, 3600)) * time.Second,
	}
}

// sessionPolicies checks what narrows a session down; nothing here evaluates it. longest is
// the most characters of the policy, 0 for any.
func (f *form) sessionPolicies(longest int) (check func() error) {
	policy := f.text("Policy", limits{min: 1, max: longest, class: documentClass()})
	var arns []string
	for i := 1; ; i++ {
		name := "PolicyArns.member." + strconv.Itoa(i) + ".arn"
		if !f.has(name) {
			break
		}
		arns = append(arns, f.check(f.values.Get(name), "policyArns."+strconv.Itoa(i)+".member.arn", arnLimits()))
	}
	return func() error {
		if policy != "" {
			if err := checkPermissionPolicy(policy); err != nil {
				return err
			}
		}
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html;
		// both texts are unproven.
		if len(arns) > 10 {
			return validationError("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
		}
		for _, one := range arns {
			if _, err := arn.ParsePolicy(one); err != nil {
				return validationError("ARN %s is not valid.", one)
			}
		}
		return nil
	}
}

// Results of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html.

type credentialsResult struct {
	AccessKeyId, SecretAccessKey, SessionToken, Expiration string
}

type assumedRoleResult struct {
	AssumedRoleId, Arn string
}

type assumeResult struct {
	SubjectFromWebIdentityToken string `xml:",omitempty"`
	Audience                    string `xml:",omitempty"`
	AssumedRoleUser             assumedRoleResult
	Credentials                 credentialsResult
	Provider                    string `xml:",omitempty"`
	SourceIdentity              string `xml:",omitempty"`
}

func resultOf(s session) assumeResult {
	return assumeResult{
		AssumedRoleUser: assumedRoleResult{AssumedRoleId: s.userID, Arn: s.arn},
		Credentials: credentialsResult{
			AccessKeyId: s.accessKeyID, SecretAccessKey: s.secret, SessionToken: s.token,
			Expiration: timestamp(s.expires),
		},
	}
}

func (a *Account) assumeRoleWithWebIdentity(c *call) (any, error) {
	in := c.form.assumption()
	token := c.form.text("WebIdentityToken", limits{required: true, secret: true, min: 4, max: kubeclaims.MaxToken})
	checkPolicies := c.form.sessionPolicies(2048)
	if err := c.form.err(); err != nil {
		return nil, err
	}
	of, err := arn.ParseRole(in.roleARN)
	if err != nil {
		return nil, validationError("Request ARN is invalid")
	}
	if err := checkPolicies(); err != nil {
		return nil, err
	}
	who, err := a.verifyToken(c.ctx, token, of)
	if err != nil {
		return nil, err
	}
	principal, err := trust.ParseProviderARN(who.provider.arn)
	if err != nil { // only of a loopback issuer that trust does not know how to name
		return nil, accessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	request := trust.WebIdentity(principal, who.claims).With("sts:RoleSessionName", in.sessionName)
	s, err := a.admit(in, c, request, accessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity"))
	if err != nil {
		return nil, err
	}
	result := resultOf(s)
	result.SubjectFromWebIdentityToken = who.subject
	result.Audience = who.audience
	result.Provider = who.provider.arn
	result.SourceIdentity = s.taken.source
	return result, nil
}

// admit finds the role, asks its trust policy, and opens a session. A role that does not
// exist is denied like one that does not trust the caller.
func (a *Account) admit(in assumption, c *call, request trust.Request, denied error) (session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.admitting(in.roleARN, request)
	if r == nil {
		return session{}, denied
	}
	// Texts seen in the field: https://repost.aws/knowledge-center/iam-role-chaining-limit.
	if in.duration > time.Hour && c.caller.roleARN != "" {
		return session{}, validationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if in.duration > r.maxSession {
		return session{}, validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return a.newSession(r, in, request), nil
}

// admitting returns the role when it is there and its trust policy allows the request, else nil.
// The caller holds a.mu.
func (a *Account) admitting(roleARN string, request trust.Request) *role {
	r := a.roleOf(roleARN)
	if r == nil || !a.hasPropagated(r.created, a.faults.get().RolePropagation) {
		return nil
	}
	policy, err := trust.Parse([]byte(r.trustPolicy))
	if err != nil || !policy.Allows(a.withEnvironment(request, r)) {
		return nil
	}
	return r
}

// roleOf wants the whole ARN to be right, the path and the case of the name included.
func (a *Account) roleOf(roleARN string) *role {
	for _, r := range a.state.roles {
		if r.arn == roleARN {
			return r
		}
	}
	return nil
}

// withEnvironment adds what STS knows of the role and of every call, which comes from this
// machine here.
func (a *Account) withEnvironment(request trust.Request, r *role) trust.Request {
	return request.
		WithResourceTags(r.tags.asMap()).
		With("aws:SourceIp", "127.0.0.1").
		With("aws:RequestedRegion", a.region()).
		With("aws:CurrentTime", timestamp(a.now())).
		With("aws:EpochTime", strconv.FormatInt(a.now().Unix(), 10))
}
