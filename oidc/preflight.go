package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/fetch"
)

// Codes of the checks of [Client.Preflight], in their order.
const (
	CheckIAMURL     Code = "iam-url"        // IAM accepts the issuer's URL
	CheckReachable  Code = "reachable"      // the discovery document is served, over TLS
	CheckDocument   Code = "document"       // it has all that STS needs
	CheckIssuer     Code = "issuer-equal"   // it names the issuer, character for character
	CheckKeysServed Code = "keys-reachable" // the key set is served
	CheckKeys       Code = "keys-valid"     // STS can verify with at least one of the keys
	CheckToken      Code = "token-covered"  // the given token verifies with the keys
	CheckSpeed      Code = "speed"          // answers come before STS gives up
	CheckThumbprint Code = "thumbprint"     // the certificates give a thumbprint, or need none
)

// Codes of warnings of [Client.Preflight], besides those of [Issuer.Warnings] and
// [KeySet.Faults].
const (
	// CodeAlgorithms: the document does not name an algorithm that a key is for.
	CodeAlgorithms Code = "algorithms"
	// CodeNotPublic: the endpoint is at an address that AWS cannot reach.
	CodeNotPublic Code = "address-not-public"
	// CodeChain: the chain has a problem of its own; the thumbprint report has the details.
	CodeChain Code = "chain-problem"
)

// stsPatience is how long STS waits for an issuer (observed).
const stsPatience = 5 * time.Second

// CheckResult is the outcome of one check.
type CheckResult string

// The values of [CheckResult].
const (
	Passed  CheckResult = "passed"
	Failed  CheckResult = "failed"
	Skipped CheckResult = "skipped" // an earlier failure, or nothing given, left nothing to check
)

// Check is one check of a preflight. It is a plain value.
type Check struct {
	Code    Code        `json:"code"` // one of the Check… constants
	Result  CheckResult `json:"result"`
	Message string      `json:"message"` // for people
	Err     error       `json:"-"`       // the cause of a failure
}

// PreflightConfig says what a preflight looks at besides the issuer.
type PreflightConfig struct {
	// Token is a real token of the cluster, whose key must be among those served. "": that is
	// not checked. It appears in no message.
	Token string
}

// PreflightReport is what a preflight found. It is a plain value.
type PreflightReport struct {
	Issuer Issuer  `json:"issuer"`
	Checks []Check `json:"checks"`
	// Warnings are problems that need not make STS fail.
	Warnings []Problem `json:"warnings,omitempty"`
	// Thumbprints is the report on the certificates; it is there after a failure too.
	Thumbprints *ThumbprintReport `json:"thumbprints,omitempty"`
}

// OK reports whether no check failed.
func (r *PreflightReport) OK() bool { return r.Err() == nil }

// Err returns the failed checks, each wrapping its cause; nil when there is none.
func (r *PreflightReport) Err() error {
	if r == nil {
		return fmt.Errorf("oidc: preflight: %w", ErrIssuerZero)
	}
	var errs []error
	for _, c := range r.Checks {
		if c.Result == Failed {
			errs = append(errs, fmt.Errorf("oidc: preflight of issuer %q: %s: %w", r.Issuer, c.Code, c.Err))
		}
	}
	return errors.Join(errs...)
}

// String prints one line per check and warning.
func (r *PreflightReport) String() string {
	if r == nil {
		return "no report"
	}
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-7s  %-14s  %s\n", c.Result, c.Code, c.Message)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "warning  %s\n", w)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Preflight fetches what an issuer serves as STS will, and reports whether STS can verify its
// tokens, everything at once. It looks from this machine: AWS may be shown something else,
// and nothing but AWS knows which CAs AWS trusts. The report is never nil.
func (c *Client) Preflight(ctx context.Context, iss Issuer, cfg PreflightConfig) *PreflightReport {
	p := &preflight{client: c, report: &PreflightReport{Issuer: iss, Warnings: iss.Warnings()}}
	p.check(CheckIAMURL, "IAM accepts the URL", iss.CheckIAM())
	if iss.IsZero() {
		return p.report
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	p.documents(ctx, iss, cfg.Token)
	p.thumbprints(ctx, iss)
	return p.report
}

type preflight struct {
	client *Client
	report *PreflightReport
}

func (p *preflight) check(code Code, good string, err error) bool {
	c := Check{Code: code, Result: Passed, Message: good, Err: err}
	if err != nil {
		c.Result, c.Message = Failed, err.Error()
	}
	p.report.Checks = append(p.report.Checks, c)
	return err == nil
}

func (p *preflight) skip(why string, codes ...Code) {
	for _, code := range codes {
		p.report.Checks = append(p.report.Checks, Check{Code: code, Result: Skipped, Message: why})
	}
}

func (p *preflight) documents(ctx context.Context, iss Issuer, token string) {
	start := time.Now()
	s := newSession(p.client, iss, false)
	defer s.Close()
	doc := p.document(ctx, s)
	if doc == nil {
		p.skip("the document could not be read", CheckKeysServed, CheckKeys, CheckToken, CheckSpeed)
		return
	}
	body, err := s.Get(ctx, doc.JWKSURI, fetch.Request{Accept: acceptKeySet, Limit: keySetLimits.Bytes})
	if !p.check(CheckKeysServed, doc.JWKSURI+" answers", err) {
		p.skip("the keys could not be read", CheckKeys, CheckToken, CheckSpeed)
		return
	}
	p.keys(doc, body, token)
	var slow error
	if took := time.Since(start); took > stsPatience {
		slow = fmt.Errorf("document and keys took %s, STS gives up after %s", took.Round(time.Millisecond), stsPatience)
	}
	p.check(CheckSpeed, "document and keys came within STS's 5 s", slow)
}

// document tells three kinds of failure apart.
func (p *preflight) document(ctx context.Context, s *session) *Document {
	doc, err := s.discover(ctx, fetch.Any)
	switch {
	case errors.Is(err, ErrIssuerMismatch):
		p.check(CheckReachable, "the discovery document is served", nil)
		p.check(CheckIssuer, "", err)
		p.skip("it is another issuer's", CheckDocument)
		return nil
	case errors.Is(err, ErrDocument):
		p.check(CheckReachable, "the discovery document is served", nil)
		p.check(CheckDocument, "", err)
		p.skip("the document cannot be read", CheckIssuer)
		return nil
	case err != nil:
		p.check(CheckReachable, "", err)
		p.skip("it is not reachable", CheckDocument, CheckIssuer)
		return nil
	}
	p.check(CheckReachable, "the discovery document is served", nil)
	p.check(CheckDocument, "the document has all that STS needs", doc.CheckSTS())
	p.check(CheckIssuer, "the document names the issuer exactly", nil)
	return doc
}

func (p *preflight) keys(doc *Document, jwks []byte, token string) {
	keys, err := parseKeySet(jwks)
	if err == nil {
		err = keys.CheckSTS()
	}
	usable, faults := keys.judgeSTS()
	p.check(CheckKeys, fmt.Sprintf("STS can verify with %d of %d keys", usable.Len(), len(keys.entries())), err)
	if keys == nil {
		p.skip("the keys cannot be read", CheckToken)
		return
	}
	for _, e := range faults {
		if err == nil { // else it is part of the failure
			p.warn(e.Code, "%s", e)
		}
	}
	for _, alg := range keys.Algorithms() {
		if !slices.Contains(doc.SigningAlgorithms, alg) {
			p.warn(CodeAlgorithms, "the document's id_token_signing_alg_values_supported does not name %s, which a key is for", alg)
		}
	}
	if token == "" {
		p.skip("no token is given", CheckToken)
		return
	}
	p.check(CheckToken, "the given token's key is served and its signature is right", p.covers(keys, token))
}

// covers accepts an expired token: it shows which key signs the next ones.
func (p *preflight) covers(keys *KeySet, token string) error {
	payload, err := keys.VerifySignature(token)
	if err != nil {
		return err
	}
	c, err := parseClaims(payload)
	if err != nil {
		return err
	}
	if c.Issuer != p.report.Issuer.String() {
		return fmt.Errorf("%w: the token's iss is not %q", ErrIssuerMismatch, p.report.Issuer)
	}
	return checkAccount(c)
}

func (p *preflight) thumbprints(ctx context.Context, iss Issuer) {
	report, err := p.client.Thumbprints(ctx, iss)
	if failed := (*ThumbprintError)(nil); errors.As(err, &failed) {
		report, err = failed.Report, failed.Err
	}
	p.report.Thumbprints = report
	good := "thumbprint " + strings.Join(report.Thumbprints, " ") + ", " + report.Need.String()
	p.check(CheckThumbprint, good, err)
	for _, e := range report.Endpoints {
		if ap, err := netip.ParseAddrPort(e.Address); err == nil && classOf(ap.Addr().Unmap()) != classPublic {
			p.warn(CodeNotPublic, "%s is at %s, where AWS cannot reach it", e.Host, ap.Addr())
		}
		for _, problem := range e.Problems {
			p.warn(CodeChain, "%s: %s", e.Host, problem)
		}
	}
}

func (p *preflight) warn(code Code, format string, args ...any) {
	p.report.Warnings = append(p.report.Warnings, Problem{code, fmt.Sprintf(format, args...)})
}
