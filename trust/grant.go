package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/jsontree"
)

// DefaultAudience is "sts.amazonaws.com", the audience that EKS gives to projected tokens, the same
// in every partition, China included
// (https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html).
const DefaultAudience = audience.STS

// Grant lets tokens of one issuer have a role: any of the subjects or patterns, for any of the
// audiences. At least one subject or pattern is required, so no grant can trust a whole issuer.
type Grant struct {
	// Provider is the issuer in the role's own account; required.
	Provider Provider
	// Subjects are admitted exactly as they are, under StringEquals.
	Subjects []Subject
	// Patterns are a deliberate widening, under StringLike.
	Patterns []Pattern
	// Audiences are those that a token may be for, any one of them; nil: sts.amazonaws.com. An
	// empty list is refused.
	Audiences []string
}

// check returns everything that is wrong with the grant.
func (g Grant) check() error {
	var errs []error
	if g.Provider.IsZero() {
		errs = append(errs, errors.New("it has no provider"))
	}
	if len(g.Subjects) == 0 && len(g.Patterns) == 0 {
		errs = append(errs, errors.New("it names nobody: want at least one subject or pattern"))
	}
	if slices.ContainsFunc(g.Subjects, Subject.IsZero) {
		errs = append(errs, errors.New("one of its subjects is the zero value"))
	}
	if slices.ContainsFunc(g.Patterns, Pattern.IsZero) {
		errs = append(errs, errors.New("one of its patterns is the zero value"))
	}
	if g.Audiences != nil && len(g.Audiences) == 0 {
		errs = append(errs, errors.New("its list of audiences is empty: want nil for "+DefaultAudience))
	}
	for _, audience := range g.Audiences {
		if err := checkAudience(audience); err != nil {
			errs = append(errs, fmt.Errorf("audience %q: %w", clip(audience), err))
		}
	}
	return joinProblems("", errs...)
}

// checkAudience allows what IAM takes as a client id: 1 to 255 characters
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html).
func checkAudience(audience string) error {
	if err := checkSubText(audience); err != nil {
		return err
	}
	if len(audience) > 255 {
		return fmt.Errorf("it has %d characters, more than 255", len(audience))
	}
	if strings.ContainsAny(audience, "*?") {
		return errors.New("an audience is exact and cannot contain '*' or '?'")
	}
	return nil
}

// audiences resolves the default and drops duplicates.
func (g Grant) audiences() []string {
	if len(g.Audiences) == 0 {
		return []string{DefaultAudience}
	}
	return unique(g.Audiences)
}

func (g Grant) subjects() []string {
	texts := make([]string, len(g.Subjects))
	for i, s := range g.Subjects {
		texts[i] = s.text
	}
	return unique(texts)
}

func (g Grant) patterns() []string {
	texts := make([]string, len(g.Patterns))
	for i, p := range g.Patterns {
		texts[i] = p.text
	}
	return unique(texts)
}

// unique keeps the first of each value, in order.
func unique(values []string) []string {
	seen := make(map[string]bool, len(values))
	kept := make([]string, 0, len(values))
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			kept = append(kept, v)
		}
	}
	return kept
}

// statementNode builds the statement of a grant for one kind of sub: conditions are ANDed, so
// subjects and patterns cannot share one.
func (g Grant) statementNode(operator string, subs []string) *jsontree.Value {
	aud := jsontree.Named(g.Provider.ConditionKey("aud"), jsontree.List(g.audiences()))
	sub := jsontree.Named(g.Provider.ConditionKey("sub"), jsontree.List(subs))
	conditions := jsontree.Object(jsontree.Named("StringEquals", jsontree.Object(aud, sub)))
	if operator != "StringEquals" {
		conditions = jsontree.Object(jsontree.Named("StringEquals", jsontree.Object(aud)), jsontree.Named(operator, jsontree.Object(sub)))
	}
	return jsontree.Object(
		jsontree.Named("Effect", jsontree.String(string(Allow))),
		jsontree.Named("Principal", jsontree.Object(jsontree.Named("Federated", jsontree.String(g.Provider.arn)))),
		jsontree.Named("Action", jsontree.String("sts:AssumeRoleWithWebIdentity")),
		jsontree.Named("Condition", conditions),
	)
}
