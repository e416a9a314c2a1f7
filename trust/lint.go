package trust

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/partition"
)

// Lint returns what is dangerous or useless in the policy, in the order of the document; nil
// for a clean policy. A policy that Validate refuses is never clean, and neither is a document
// that is not a trust policy at all. The codes are listed by FindingKinds.
func (p *Policy) Lint() []Finding {
	l := linter{policy: p}
	if finding, ok := p.notAPolicy(); ok {
		l.found = append(l.found, placedFinding{finding, 0})
		return l.findings()
	}
	for i := range p.list() {
		l.at = i
		l.statement(&p.statements[i])
	}
	l.covered()
	l.repeated()
	l.accounts()
	l.podIdentity()
	l.at = p.Len()
	l.size()
	l.refused()
	return l.findings()
}

type linter struct {
	policy *Policy
	at     int // the statement that is looked at
	found  []placedFinding
}

type placedFinding struct {
	Finding
	at int
}

func (l *linter) add(code Code, path, message, fix string) {
	l.found = append(l.found, placedFinding{Finding{Code: code, Path: path, Message: message, Fix: fix}, l.at})
}

func (l *linter) findings() []Finding {
	if len(l.found) == 0 {
		return nil
	}
	severities := map[Code]Severity{}
	for _, kind := range FindingKinds() {
		severities[kind.Code] = kind.Severity
	}
	slices.SortStableFunc(l.found, func(a, b placedFinding) int { return cmp.Compare(a.at, b.at) })
	findings := make([]Finding, len(l.found))
	for i, f := range l.found {
		findings[i] = f.Finding
		findings[i].Severity = severities[f.Code]
	}
	if l.policy != nil {
		l.policy.origin.locate(findings)
	}
	return findings
}

func (l *linter) statement(s *statement) {
	l.whole(s)
	l.principals(s)
	issuers := s.issuers()
	for i := range s.conditions {
		l.condition(s, &s.conditions[i], issuers)
	}
	if s.effect == Allow {
		l.webIdentity(s, issuers)
	}
}

// whole looks at what makes the whole statement useless.
func (l *linter) whole(s *statement) {
	if s.flaw != "" {
		l.add(CodeBrokenStatement, s.pointer, s.flaw+", so it never allows", "See what Validate says")
		if s.node.Get("NotPrincipal") != nil {
			l.add(CodeNotPrincipal, s.pointer+"/NotPrincipal", "NotPrincipal names everybody else", "Name who is meant under Principal")
		}
		return
	}
	if s.effect == Allow {
		l.actions(s)
	}
}

// actions: each kind of principal has one action by which it assumes a role
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html). A
// statement with none of these actions, sts:TagSession alone for instance, is left alone.
func (l *linter) actions(s *statement) {
	saml, oidc := 0, 0
	for _, f := range s.principals.federated {
		if strings.Contains(f, ":saml-provider/") {
			saml++
		} else {
			oidc++
		}
	}
	kinds := [...]struct {
		count        int
		who          string
		action, name string
	}{
		{oidc, "an OIDC provider's tokens are", actionWebIdentity, "sts:AssumeRoleWithWebIdentity"},
		{saml, "a SAML provider's assertions are", actionSAML, "sts:AssumeRoleWithSAML"},
		{len(s.principals.aws), "the credentials of an AWS principal are", actionAssumeRole, "sts:AssumeRole"},
		{len(s.principals.service), "an AWS service's calls are", actionAssumeRole, "sts:AssumeRole"},
	}
	assumes := false
	for _, k := range kinds {
		assumes = assumes || s.actions.match(k.action) != no
	}
	for _, k := range kinds {
		if assumes && k.count > 0 && s.actions.match(k.action) == no {
			l.add(CodeActionMismatch, s.pointer+"/Action", k.who+" for "+k.name+" only", "Use that action")
		}
	}
}

const actionSAML = "sts:assumerolewithsaml"

func (l *linter) principals(s *statement) {
	if s.principals.everyone {
		l.add(CodePrincipalStar, s.pointer+"/Principal",
			`Principal "*" is everybody, and IAM does not store it in a trust policy`, "Name who is meant")
	}
	for _, p := range s.entries() {
		l.principal(s, p)
	}
}

func (l *linter) principal(s *statement, p Principal) {
	if found := findPlaceholder(p.Value); found != "" {
		l.placeholder(found, p.Path)
	}
	switch {
	case p.Kind == "AWS" && p.Value == "*" && s.effect == Allow:
		l.add(CodePrincipalStar, p.Path,
			`AWS "*" is every AWS account; it does not admit a web identity either`, "Name the accounts or roles that are meant")
	case p.IsDeleted():
		l.add(CodeDeletedPrincipal, p.Path,
			quote(p.Value)+" is the id of a user or role that was deleted: IAM will not store it again", "Remove it, or name the principal that took its place")
	case p.Kind == "Federated":
		if issuer, found := cutScheme(cmp.Or(issuerOf(p.Value), p.Value)); found {
			l.add(CodeSchemeInPrincipal, p.Path, "a provider's ARN has the issuer without its scheme: no provider has this ARN",
				"End it with "+quote("oidc-provider/"+issuer))
		}
		if region, ok := swappedHost(issuerOf(p.Value)); ok {
			l.swapped(region, p.Path)
		}
	}
}

func (l *linter) swapped(region, path string) {
	of, _ := partition.ByRegion(region)
	l.add(CodeSwappedHost, path, "the host of an EKS issuer is oidc.eks.REGION, not oidc.REGION.eks",
		"Use "+quote("oidc.eks."+region+"."+cmp.Or(of.DNSSuffix, "amazonaws.com")))
}

// accounts: a role can trust the providers of its own account only.
func (l *linter) accounts() {
	first := ""
	for i := range l.policy.list() {
		l.at = i
		for _, p := range l.policy.statements[i].entries() {
			a, err := arn.Parse(p.Value)
			if p.Kind != "Federated" || err != nil || arn.CheckAccountID(a.AccountID) != nil {
				continue
			}
			at := "partition " + quote(a.Partition) + ", account " + a.AccountID
			if first == "" {
				first = at
			}
			if at != first {
				l.add(CodeForeignAccount, p.Path,
					fmt.Sprintf("one provider is in %s and this one in %s: a role can trust those of its own account only", first, at),
					"Create the provider in the role's account and name that one")
			}
		}
	}
}

// podIdentity: EKS tags the sessions of pods, unless the association says otherwise, and needs
// the right to (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html).
func (l *linter) podIdentity() {
	var assumes *statement
	for i := range l.policy.list() {
		s := &l.policy.statements[i]
		if s.effect != Allow || !slices.Contains(s.principals.service, podIdentityService) {
			continue
		}
		if s.actions.match(actionTagSession) != no {
			return
		}
		if assumes == nil && s.actions.match(actionAssumeRole) != no {
			l.at, assumes = i, s
		}
	}
	if assumes != nil {
		l.add(CodeMissingTagSession, assumes.pointer+"/Action",
			"EKS Pod Identity tags its sessions and is not allowed to: it cannot have the role, unless the association disables session tags",
			"Add sts:TagSession")
	}
}

// size warns before IAM refuses the next subject.
func (l *linter) size() {
	size := l.policy.Size()
	text := fmt.Sprintf("the policy has %d of the default quota of %d characters", size, DefaultSizeQuota)
	switch {
	case size > DefaultSizeQuota:
		l.add(CodeOverQuota, "", text, "Try Compact, or split the role")
	case size > DefaultSizeQuota*9/10:
		l.add(CodeNearQuota, "", text, "Try Compact, or split the role")
	}
}

// refused reports what Validate finds, unless a finding speaks of the same place already.
func (l *linter) refused() {
	flaws := l.policy.allFlaws()
	if len(flaws) == 0 {
		return
	}
	known := map[string]bool{}
	for _, f := range l.found {
		known[f.Path] = known[f.Path] || isAboutStorage(f.Code)
	}
	for _, invalid := range flaws {
		path, covered := invalid.Path, false
		for !covered && path != "" {
			covered = known[path]
			path = parentPointer(path)
		}
		if covered {
			continue
		}
		message, fix := "IAM answers "+quote(invalid.Message), "Mend it: IAM does not store such a policy"
		if invalid.Unproven {
			message, fix = "no source says that IAM stores this, and it may answer "+quote(invalid.Message), "Mend it, or try whether IAM takes it"
		}
		l.add(CodeRefused, invalid.Path, message, fix)
	}
}

// isAboutStorage says that a finding of the code gives the reason why IAM refuses the value.
func isAboutStorage(code Code) bool {
	switch code {
	case CodeBrokenStatement, CodeBrokenCondition, CodeNotPrincipal, CodePrincipalStar, CodeDeletedPrincipal,
		CodePlaceholder, CodeSchemeInPrincipal, CodeUnknownConditionKey:
		return true
	}
	return false
}
