package oidc

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons for which IAM refuses an issuer.
var (
	// ErrIssuerPort is in the error of an issuer that names a port other than 443.
	ErrIssuerPort = errors.New("a port is not accepted")
	// ErrIssuerLength is in the error of an issuer longer than IAM stores.
	ErrIssuerLength = errors.New("too long")
	// ErrIssuerZero is in the error of a zero Issuer.
	ErrIssuerZero = errors.New("no issuer is given")
)

// maxIAMURL is the longest Url of CreateOpenIDConnectProvider
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
const maxIAMURL = 255

// CheckIAM reports everything for which IAM documents that it refuses the issuer as an OIDC
// provider: a port ([ErrIssuerPort]; loopback issuers are let through, as only a test bench
// can ever reach them) and the length ([ErrIssuerLength]). An [Issuer] cannot have a query,
// which IAM refuses as well. The error's Unwrap gives each finding.
// See [Issuer.Warnings] for what IAM accepts and people regret.
func (i Issuer) CheckIAM() error {
	if i.IsZero() {
		return fmt.Errorf("oidc: IAM: %w", ErrIssuerZero)
	}
	var found []error
	if err := i.url.CheckPort(); err != nil {
		found = append(found, fmt.Errorf("oidc: issuer %q: IAM: %w: it has port %q, only 443 or none is possible",
			i, ErrIssuerPort, i.url.Port()))
	}
	if n := len(i.String()); n > maxIAMURL {
		found = append(found, fmt.Errorf("oidc: issuer %q: IAM: %w: it has %d characters, at most %d are possible",
			i, ErrIssuerLength, n, maxIAMURL))
	}
	return errors.Join(found...)
}

// Codes of what [Issuer.Warnings] finds.
const (
	// CodeTrailingSlash marks an issuer that ends in a slash, AKS's apart: IAM takes it for
	// another provider than the one without.
	CodeTrailingSlash Code = "trailing-slash"
	// CodeHostCase marks capital letters in the host: IAM keeps them, and a token's iss must
	// have the same.
	CodeHostCase Code = "host-case"
	// CodeDefaultPort marks a written ":443": IAM drops it, and a token's iss still has it.
	CodeDefaultPort Code = "default-port"
	// CodeIssuerNotPublic marks an issuer that AWS cannot reach, going by its host.
	CodeIssuerNotPublic Code = "issuer-not-public"
	// CodeIssuerReusable marks an issuer that another cluster can get later.
	CodeIssuerReusable Code = "issuer-reusable"
	// CodeOutboundIssuer marks the issuer of sts:GetWebIdentityToken, which STS itself never
	// accepts.
	CodeOutboundIssuer Code = "outbound-issuer"
)

// Warnings lists problems of an issuer that IAM accepts all the same: spellings that make tokens
// fail where they are not repeated exactly, issuers that can never work, and issuers that another
// cluster can get later. The zero value has none.
func (i Issuer) Warnings() []Problem {
	var found []Problem
	if _, aks := i.AKS(); strings.HasSuffix(i.String(), "/") && !aks { // AKS does
		found = append(found, Problem{CodeTrailingSlash,
			"the issuer ends in a slash: IAM takes it for another issuer than the one without, so the cluster must write it in its tokens as well"})
	}
	if host := i.url.Host(); host != strings.ToLower(host) {
		found = append(found, Problem{CodeHostCase,
			"the issuer's host has capital letters: IAM keeps them, so the cluster must write them in its tokens as well"})
	}
	if i.url.Port() == "443" {
		found = append(found, Problem{CodeDefaultPort,
			"the issuer writes its port 443: IAM drops it and then compares with the token's iss, which has it"})
	}
	if why := i.notPublic(); why != "" {
		found = append(found, Problem{CodeIssuerNotPublic,
			"AWS cannot reach the issuer: " + why + ". Publish its documents where AWS can, and give the API servers --service-account-issuer twice: the new one first, which signs, then this one, which stays accepted"})
	}
	if c, ok := i.GKE(); ok {
		found = append(found, Problem{CodeIssuerReusable, fmt.Sprintf(
			"the issuer names no id: as far as its form tells, a cluster that is made again as %q in %s of project %s has the same issuer and inherits the trust. Remove the provider with the cluster", c.Name, c.Location, c.Project)})
	}
	if i.issuesForOutside() {
		found = append(found, Problem{CodeOutboundIssuer,
			"its tokens are of sts:GetWebIdentityToken, for services outside AWS: AssumeRoleWithWebIdentity does not take them"})
	}
	return found
}
