package trust

import (
	"fmt"

	"github.com/irsa-go/irsa/internal/printable"
)

// Severity says how much a finding matters. Severities are ordered: a gate may ask for f.Severity
// >= SeverityWarning. The zero value is not one of them.
type Severity int

// The severities, from harmless to bad.
const (
	// SeverityInfo: nothing is wrong yet.
	SeverityInfo Severity = iota + 1
	// SeverityWarning: the policy trusts more, or works less, than it seems to.
	SeverityWarning
	// SeverityError: the policy trusts more than anybody can want, or a part of it can never work.
	SeverityError
)

// String returns "info", "warning" or "error"; "" for any other value.
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	}
	return ""
}

// MarshalText returns String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes what String returns.
func (s *Severity) UnmarshalText(text []byte) error {
	for severity := Severity(0); severity <= SeverityError; severity++ {
		if severity.String() == string(text) {
			*s = severity
			return nil
		}
	}
	return fmt.Errorf("trust: severity %q: want info, warning or error", clip(string(text)))
}

// Code names a kind of finding. Codes are stable and never change their meaning; new ones are
// added. It is an alias and not a type of its own: programs compare codes with strings and keep
// them in lists of strings, which a type would break.
type Code = string

// The codes of Lint. FindingKinds says what each one means.
const (
	CodeActionMismatch       Code = "action-mismatch"
	CodeAPIServerAudience    Code = "api-server-audience"
	CodeBrokenCondition      Code = "broken-condition"
	CodeBrokenStatement      Code = "broken-statement"
	CodeChinaAudience        Code = "china-audience"
	CodeClaimNotExposed      Code = "claim-not-exposed"
	CodeCoveredLiteral       Code = "covered-literal"
	CodeDeletedPrincipal     Code = "deleted-principal"
	CodeForeignAccount       Code = "foreign-account"
	CodeForeignConditionKey  Code = "foreign-condition-key"
	CodeMissingAud           Code = "missing-aud"
	CodeMissingSub           Code = "missing-sub"
	CodeMissingTagSession    Code = "missing-tag-session"
	CodeNearQuota            Code = "near-quota"
	CodeNotAPolicy           Code = "not-a-policy"
	CodeNotPrincipal         Code = "not-principal"
	CodeOverQuota            Code = "over-quota"
	CodePlaceholder          Code = "placeholder"
	CodePrincipalStar        Code = "principal-star"
	CodeRefused              Code = "refused"
	CodeRepeatedStatement    Code = "repeated-statement"
	CodeSchemeInPrincipal    Code = "scheme-in-principal"
	CodeSubjectShape         Code = "subject-shape"
	CodeSwappedHost          Code = "swapped-host"
	CodeSwappedNames         Code = "swapped-names"
	CodeTrailingSlash        Code = "trailing-slash"
	CodeUnknownConditionKey  Code = "unknown-condition-key"
	CodeVacuousCondition     Code = "vacuous-condition"
	CodeVariableInOldVersion Code = "variable-in-old-version"
	CodeWholeCluster         Code = "whole-cluster"
	CodeWildcardCrossesColon Code = "wildcard-crosses-colon"
	CodeWildcardInOwner      Code = "wildcard-in-owner"
	CodeWildcardUnderEquals  Code = "wildcard-under-equals"
)

// FindingKind is what all findings of one code have in common.
type FindingKind struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Meaning says in a few words what is wrong, for a table.
	Meaning string `json:"meaning"`
}

// FindingKinds returns the kinds of findings that Lint has, in the order of their codes.
func FindingKinds() []FindingKind {
	return []FindingKind{
		{CodeActionMismatch, SeverityError, "a principal with an action that it cannot use"},
		{CodeAPIServerAudience, SeverityWarning, "the audience is the Kubernetes API server's own"},
		{CodeBrokenCondition, SeverityError, "an unknown operator, values that cannot be compared, or a condition that nothing meets"},
		{CodeBrokenStatement, SeverityError, "an element is missing, misplaced or malformed"},
		{CodeChinaAudience, SeverityError, "sts.amazonaws.com.cn: EKS has the same audience everywhere"},
		{CodeClaimNotExposed, SeverityError, "STS does not make that claim a condition key"},
		{CodeCoveredLiteral, SeverityInfo, "a pattern admits that subject anyway"},
		{CodeDeletedPrincipal, SeverityError, "the unique id of a deleted user or role"},
		{CodeForeignAccount, SeverityError, "OIDC providers of two accounts"},
		{CodeForeignConditionKey, SeverityError, "the condition key names another issuer than the principal"},
		{CodeMissingAud, SeverityWarning, "nothing asks whom the token was made for"},
		{CodeMissingSub, SeverityError, "every token of the issuer is trusted"},
		{CodeMissingTagSession, SeverityWarning, "EKS Pod Identity without sts:TagSession"},
		{CodeNearQuota, SeverityInfo, "over 90 % of the default quota"},
		{CodeNotAPolicy, SeverityError, "the document is not a trust policy, but may hold some: see Extract"},
		{CodeNotPrincipal, SeverityError, "NotPrincipal names everybody else"},
		{CodeOverQuota, SeverityWarning, "over the default quota, which IAM takes only where it was raised"},
		{CodePlaceholder, SeverityError, "something that a template should have filled in"},
		{CodePrincipalStar, SeverityError, `Principal "*" or AWS "*"`},
		{CodeRefused, SeverityError, "IAM does not store the policy: see Validate"},
		{CodeRepeatedStatement, SeverityInfo, "a statement says the same as another"},
		{CodeSchemeInPrincipal, SeverityError, "https:// in a provider's ARN"},
		{CodeSubjectShape, SeverityError, "a sub that no service account has"},
		{CodeSwappedHost, SeverityError, "oidc.REGION.eks instead of oidc.eks.REGION"},
		{CodeSwappedNames, SeverityWarning, "namespace and name of a service account are swapped"},
		{CodeTrailingSlash, SeverityError, "key and principal differ in a trailing slash"},
		{CodeUnknownConditionKey, SeverityError, "a condition key that no request has"},
		{CodeVacuousCondition, SeverityWarning, "ForAllValues or IfExists: satisfied when the key is absent"},
		{CodeVariableInOldVersion, SeverityError, "a policy variable in a policy of version 2008-10-17"},
		{CodeWholeCluster, SeverityError, "a pattern that every service account matches"},
		{CodeWildcardCrossesColon, SeverityWarning, "a wildcard that reaches over namespaces"},
		{CodeWildcardInOwner, SeverityError, "a wildcard in the name of an organization: strangers may have one that fits"},
		{CodeWildcardUnderEquals, SeverityError, "a wildcard that is taken literally and never matches"},
	}
}

// Finding is one dangerous or useless thing in a policy.
type Finding struct {
	// Code names the kind of finding; every code is a constant Code….
	Code Code `json:"code"`
	// Severity is the same for all findings of a code.
	Severity Severity `json:"severity"`
	// Path is the JSON pointer of the value in the policy; "" is the whole policy.
	Path string `json:"path"`
	// Line and Column say where the value, or the name before it, is in the document that the
	// policy was read from; both count from 1, columns in characters. They are 0 when the policy
	// was built or edited.
	Line   int `json:"line,omitzero"`
	Column int `json:"column,omitzero"`
	// Message says what is wrong; whatever comes from the policy is quoted.
	Message string `json:"message"`
	// Fix says what to do.
	Fix string `json:"fix"`
}

// String gives the finding on one line, safe to print.
func (f Finding) String() string {
	return printable.Text(fmt.Sprintf("%s: %s: %s: %s. %s.", f.Path, f.Severity, f.Code, f.Message, f.Fix))
}
