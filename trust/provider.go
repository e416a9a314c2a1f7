package trust

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/issuerurl"
)

// maxIssuer is the length of the Url that IAM takes
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
const maxIssuer = 255

// Provider names an IAM OIDC provider: a partition, an account and an issuer. It is opaque and
// comparable; the zero value is not a provider. It is immutable and safe for concurrent use.
//
// The issuer is kept exactly as IAM keeps it: host and path as written, without the scheme and
// without ":443". A trailing slash makes another provider.
type Provider struct {
	arn       string // all other fields follow from it, so comparing providers compares it
	partition string
	accountID string
	hostPath  string
	key       string // hostPath in lower case: condition keys are case-insensitive
}

// NewProvider names the provider of an issuer ("https://HOST/PATH") in an account.
// Errors: an unknown partition ("aws" is the usual one), an account id that is not twelve digits,
// an issuer whose URL IAM refuses: not https, with query, fragment or user, over 255 characters, or
// with a port other than 443. A loopback issuer may have any port: only a test bench reaches one.
func NewProvider(partition, accountID, issuerURL string) (Provider, error) {
	fail := func(err error) (Provider, error) {
		return Provider{}, fmt.Errorf("trust: provider of issuer %q: %w", issuerURL, err)
	}
	if err := arn.CheckPartition(partition); err != nil {
		return fail(err)
	}
	if err := arn.CheckAccountID(accountID); err != nil {
		return fail(err)
	}
	u, err := issuerurl.Parse(issuerURL)
	if err != nil {
		return fail(err)
	}
	p, err := makeProvider(partition, accountID, u)
	if err != nil {
		return fail(err)
	}
	return p, nil
}

// ParseProviderARN parses "arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST/PATH". It refuses what
// NewProvider refuses, and ":443", which IAM never keeps.
func ParseProviderARN(s string) (Provider, error) {
	fail := func(err error) (Provider, error) {
		return Provider{}, fmt.Errorf("trust: provider ARN %q: %w", s, err)
	}
	a, hostPath, err := arn.ParseIAM(s, "oidc-provider")
	if err != nil {
		return fail(err)
	}
	u, err := issuerurl.Parse("https://" + hostPath)
	if err != nil {
		return fail(fmt.Errorf("its issuer: %w", err))
	}
	p, err := makeProvider(a.Partition, a.AccountID, u)
	if err != nil {
		return fail(err)
	}
	if p.arn != s {
		return fail(fmt.Errorf("want %q, as IAM writes it", p.arn))
	}
	return p, nil
}

func makeProvider(partition, accountID string, u issuerurl.URL) (Provider, error) {
	if err := u.CheckPort(); err != nil {
		return Provider{}, err
	}
	if n := len(u.String()); n > maxIssuer {
		return Provider{}, fmt.Errorf("the issuer has %d characters, more than %d", n, maxIssuer)
	}
	p := Provider{partition: partition, accountID: accountID, hostPath: u.HostPath()}
	p.arn = "arn:" + partition + ":iam::" + accountID + ":oidc-provider/" + p.hostPath
	p.key = lowerASCII(p.hostPath)
	return p, nil
}

// ARN returns the provider's ARN, which is also the federated principal of its statements;
// "" for the zero value.
func (p Provider) ARN() string { return p.arn }

// String is ARN.
func (p Provider) String() string { return p.arn }

// IsZero says whether p names no provider.
func (p Provider) IsZero() bool { return p == Provider{} }

// Partition returns the AWS partition, such as "aws-cn"; "" for the zero value.
func (p Provider) Partition() string { return p.partition }

// AccountID returns the twelve digits of the account; "" for the zero value.
func (p Provider) AccountID() string { return p.accountID }

// HostPath returns the issuer without its scheme, as ARNs and condition keys have it;
// "" for the zero value.
func (p Provider) HostPath() string { return p.hostPath }

// IssuerURL returns the issuer, "https://HOST/PATH"; "" for the zero value.
func (p Provider) IssuerURL() string {
	if p.IsZero() {
		return ""
	}
	return "https://" + p.hostPath
}

// ConditionKey returns the name under which IAM knows a claim of the provider's tokens:
// "HOST/PATH:sub". It does not check that STS exposes the claim; "" for the zero value.
func (p Provider) ConditionKey(claim string) string {
	if p.IsZero() {
		return ""
	}
	return p.hostPath + ":" + claim
}

// MarshalText returns the ARN; nothing for the zero value.
func (p Provider) MarshalText() ([]byte, error) { return []byte(p.arn), nil }

// UnmarshalText is ParseProviderARN; empty text gives the zero value.
func (p *Provider) UnmarshalText(text []byte) error {
	if p == nil {
		return errors.New("trust: UnmarshalText into a nil *Provider")
	}
	if len(text) == 0 {
		*p = Provider{}
		return nil
	}
	parsed, err := ParseProviderARN(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}
