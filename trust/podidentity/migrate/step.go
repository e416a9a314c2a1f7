package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/podidentity"
)

// ErrChanged is in the error of a step that finds another state than the plan was made for.
var ErrChanged = errors.New("it was changed meanwhile: plan again")

// Kind is what a step does.
type Kind string

// The kinds of steps, in the order of a move.
const (
	// AdmitBoth adds the new way to the role's trust policy.
	AdmitBoth Kind = "admit-both"
	// Associate creates the association.
	Associate Kind = "associate"
	// Annotate sets the role's annotation on the service account.
	Annotate Kind = "annotate"
	// Restart waits for pods to be recreated.
	Restart Kind = "restart"
	// Unannotate removes the annotation.
	Unannotate Kind = "unannotate"
	// Dissociate deletes the association.
	Dissociate Kind = "dissociate"
	// AdmitOne takes the old way out of the trust policy.
	AdmitOne Kind = "admit-one"
)

func (k Kind) phase() int {
	switch k {
	case AdmitBoth, Associate, Annotate:
		return 1
	case Restart:
		return 2
	case Unannotate, Dissociate:
		return 3
	}
	return 4
}

// Step is one change. It is a plain value.
type Step struct {
	Kind   Kind
	Target podidentity.Target
	// RoleARN is the account's role, and To the new way.
	RoleARN string
	To      mutate.Method
	// Annotation is the key of Annotate and Unannotate.
	Annotation string
	// Before and After are the trust policies of AdmitBoth and AdmitOne.
	Before, After *trust.Policy
	// Pods are those that Restart waits for.
	Pods []Pod

	gap bool
}

// String says what the step does; who is admitted and who no longer is has lines of its own.
func (s Step) String() string {
	switch s.Kind {
	case Associate:
		return "+ create the association with role " + s.RoleARN
	case Annotate:
		return "+ set the annotation " + s.Annotation + "=" + s.RoleARN
	case Unannotate:
		return "- remove the annotation " + s.Annotation
	case Dissociate:
		if s.gap {
			return "- delete the association: make all pods anew at once, they get no new credentials until then"
		}
		return "- delete the association"
	case Restart:
		lines := []string{"~ make anew, so that they use " + wayOf(s.To) + ":"}
		for _, pod := range s.Pods {
			lines = append(lines, "    pod "+pod.Name+": "+pod.Why)
		}
		return strings.Join(lines, "\n")
	}
	sign := map[Kind]string{AdmitBoth: "+", AdmitOne: "-"}[s.Kind]
	text := sign + " change the trust policy of role " + s.RoleARN
	if s.Before != nil && s.After != nil {
		for _, c := range s.Before.Diff(s.After) {
			text += "\n    " + c.String()
		}
	}
	return text
}

// Accounts annotates service accounts.
type Accounts interface {
	// Annotate sets an annotation, or removes it when the value is "".
	Annotate(ctx context.Context, namespace, serviceAccount, key, value string) error
}

// Associations is what Run calls of EKS. *eks.Client is one.
type Associations interface {
	podidentity.API
	podidentity.Deleter
}

// Client is what the steps call. What a step does not need may be nil.
type Client struct {
	Roles        iamrole.TrustAPI
	Associations Associations
	Accounts     Accounts
	// RoleConfig and AssociationConfig say how long to wait for AWS.
	RoleConfig        iamrole.Config
	AssociationConfig podidentity.Config
}

// Run takes the step; it is done already when nothing differs. For Restart it does nothing.
//
// Errors: [ErrChanged]; what iamrole.EditTrust, podidentity.Ensure, podidentity.Delete and Accounts
// return.
func (s Step) Run(ctx context.Context, c Client) error {
	if err := s.run(ctx, c); err != nil {
		return fmt.Errorf("migrate: %s: %s: %w", s.Target, s.Kind, err)
	}
	return nil
}

func (s Step) run(ctx context.Context, c Client) error {
	switch s.Kind {
	case Restart:
		return nil
	case Associate:
		return s.associate(ctx, c)
	case Dissociate:
		return podidentity.Delete(ctx, c.Associations, s.Target)
	case AdmitBoth, AdmitOne:
		return s.admit(ctx, c)
	}
	if c.Accounts == nil {
		return errors.New("Client.Accounts is nil")
	}
	value := map[Kind]string{Annotate: s.RoleARN}[s.Kind]
	return c.Accounts.Annotate(ctx, s.Target.Namespace, s.Target.ServiceAccount, s.Annotation, value)
}

// associate leaves an association alone that somebody else made meanwhile for another role.
func (s Step) associate(ctx context.Context, c Client) error {
	have, err := podidentity.Read(ctx, c.Associations, s.Target)
	switch {
	case err == nil && have.RoleARN != s.RoleARN:
		return fmt.Errorf("the association has role %s: %w", have.RoleARN, ErrChanged)
	case err == nil || !errors.Is(err, podidentity.ErrNotFound):
		return err
	}
	_, err = podidentity.Ensure(ctx, c.Associations, podidentity.Spec{Target: s.Target, RoleARN: s.RoleARN}, c.AssociationConfig)
	return err
}

// admit writes exactly the policy that was proved, over exactly the one that it was proved for.
func (s Step) admit(ctx context.Context, c Client) error {
	role, err := arn.ParseRole(s.RoleARN)
	if err != nil {
		return err
	}
	_, err = iamrole.EditTrust(ctx, c.Roles, role.Name, func(live *trust.Policy) (*trust.Policy, error) {
		switch {
		case live.Equal(s.After):
			return live, nil
		case live.Equal(s.Before):
			return s.After, nil
		}
		return nil, fmt.Errorf("the trust policy of role %s: %w", s.RoleARN, ErrChanged)
	}, c.RoleConfig)
	return err
}
