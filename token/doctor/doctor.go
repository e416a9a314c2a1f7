// Package doctor walks the chain from a pod's environment to its AWS role, step by step, and
// says which link is the first that is broken:
//
//	environment → token file → token → issuer → IAM OIDC provider → role → trust policy → STS
//
// A failed AssumeRoleWithWebIdentity says little, and CloudTrail does not have it at all; the
// doctor looks at each part by itself. What it may not read, or what depends on a broken part, it
// skips and says so.
//
// It reads and never writes, and no report holds the token or credentials. Errors of the functions in Config
// are shown as they are: those of package token quote no token, those of the SDK's own provider may.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

// Config says what the doctor can reach beyond the environment. The zero value looks at the
// environment, the token and the issuer, and skips what needs AWS.
type Config struct {
	// Issuers asks the token's issuer. nil: the zero Client. The pod's view of the issuer may
	// differ from that of AWS, which comes from the internet.
	Issuers *oidc.Client
	// ReadProvider returns the IAM OIDC provider of that ARN, as iam:GetOpenIDConnectProvider
	// does. An error with the code NoSuchEntity means that it does not exist; any other, that
	// it cannot be read. nil: the step is skipped.
	ReadProvider func(ctx context.Context, arn string) (Provider, error)
	// ReadRole returns the role of that name, as iam:GetRole does; errors as for ReadProvider.
	// nil: the steps of the role and its trust policy are skipped.
	ReadRole func(ctx context.Context, name string) (Role, error)
	// Assume asks STS for credentials of the role, once. token.ErrStaleCredentials means that there
	// are some, which have expired by this machine's clock. nil: the step is skipped. With an STS
	// client:
	//
	//	p, err := r.Provider(client, token.Config{})
	//	…
	//	creds, err := p.Current(ctx)
	//	if err == nil && creds.Expired() {
	//		err = token.ErrStaleCredentials
	//	}
	//	return err
	Assume func(ctx context.Context, r token.Resolution) error
	// Mutation looks at the pod itself and returns what it lacks, container by container; nothing: it
	// has all that its identity needs. mutate.Mutator.Diagnose says so. nil: the pod is not looked at.
	Mutation func(ctx context.Context) ([]string, error)
	// Now is the time to judge the token by. nil: time.Now.
	Now func() time.Time
}

// Provider is an OIDC provider as IAM has it.
type Provider struct {
	// ClientIDs are the audiences that it admits.
	ClientIDs []string
	// Thumbprints are those of the issuer's certificate authorities, in hexadecimal.
	Thumbprints []string
}

// Role is a role as IAM has it.
type Role struct {
	// ARN is the role's.
	ARN string
	// TrustPolicy is the AssumeRolePolicyDocument, percent-encoded, as IAM returns it, or plain.
	TrustPolicy string
}

func (c Config) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c Config) issuers() *oidc.Client {
	if c.Issuers != nil {
		return c.Issuers
	}
	return &oidc.Client{Now: c.Now}
}

// Run looks at the chain of a pod whose environment lookup gives: os.LookupEnv, or what stands for
// it. It goes on after a broken link with all that does not depend on it. Run never fails; a nil
// lookup is an empty environment. It is safe for concurrent use.
func Run(ctx context.Context, lookup func(string) (string, bool), cfg Config) Report {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	p := &patient{cfg: cfg, lookup: lookup}
	if cfg.Mutation != nil {
		p.examine(ctx, Mutation, p.mutation)
	}
	for _, link := range []struct {
		step Name
		by   func(context.Context) Step
	}{
		{Environment, p.environment},
		{TokenFile, p.tokenFile},
		{Token, p.token},
		{Issuer, p.issuer},
		{IAMProvider, p.provider},
		{IAMRole, p.role},
		{TrustPolicy, p.trustPolicy},
		{STS, p.sts},
	} {
		p.examine(ctx, link.step, link.by)
	}
	p.reconcile()
	p.report.RoleARN, p.report.Token = p.resolution.RoleARN, p.claims
	return p.report
}

func (p *patient) examine(ctx context.Context, name Name, by func(context.Context) Step) {
	s := skipped("stopped", "the time is up")
	if ctx.Err() == nil {
		s = by(ctx)
	}
	s.Name = name
	p.report.Steps = append(p.report.Steps, s)
}

// proven are the links that credentials from STS prove.
var proven = []Name{TokenFile, Token, Issuer, IAMProvider, IAMRole, TrustPolicy}

// reconcile takes back what only looked broken from here: a clock that is wrong, an issuer that the pod
// cannot reach, but AWS can, as in every VPC with an endpoint of EKS.
func (p *patient) reconcile() {
	if last := p.report.Steps[len(p.report.Steps)-1]; last.Name != STS || last.Status != OK {
		return
	}
	for i := range p.report.Steps {
		s := &p.report.Steps[i]
		if s.Status != Broken || !slices.Contains(proven, s.Name) {
			continue
		}
		note := "seen from here it is not so (" + s.Code + "): " + s.Message
		if s.Err != nil {
			note += ": " + s.Err.Error()
		}
		*s = Step{Name: s.Name, Status: OK, Code: "ok", Message: "STS gives credentials, which proves it", Notes: append(s.Notes, note)}
	}
}

// patient is what the steps have found out so far. Who makes a Step leaves its Name to examine.
type patient struct {
	cfg    Config
	lookup func(string) (string, bool)
	report Report

	resolution token.Resolution
	raw        string           // the token; it goes nowhere but to oidc and trust
	claims     token.Unverified // zero: not read
	account    trust.Provider   // the IAM OIDC provider that the chain needs
	roleState  *Role
}

func intact(message string, args ...any) Step {
	return Step{Status: OK, Code: "ok", Message: fmt.Sprintf(message, args...)}
}

func skipped(code, message string) Step {
	return Step{Status: Skipped, Code: code, Message: message}
}

func broken(code, message string, next ...string) Step {
	return Step{Status: Broken, Code: code, Message: message, Next: next}
}

// because adds the error behind a step.
func (s Step) because(err error) Step {
	s.Err = err
	return s
}

// explained is a broken link in the words of token.Explain where that knows the error, else with
// the code.
func explained(err error, code, message string) Step {
	s := broken(code, message).because(err)
	if x, known := token.Explain(err); known {
		s.Code, s.Message, s.Next = x.Code, x.Meaning, x.Next
	}
	return s
}

// hasCode says whether a service answered with the error code.
func hasCode(err error, code string) bool {
	var api interface{ ErrorCode() string } // of smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
