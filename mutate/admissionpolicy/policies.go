package admissionpolicy

import (
	"errors"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/mutate"
)

// apiVersion is served from Kubernetes 1.30 for the validating kinds, from 1.36 for the mutating ones.
const apiVersion = "admissionregistration.k8s.io/v1"

// DefaultName is the name of the injection and the first part of the others'.
const DefaultName = "irsa"

// Config is what is not part of the mutation itself. The zero value is complete.
type Config struct {
	// Name is the name of the injection's objects, a DNS subdomain; the others' begin with it.
	// "": DefaultName.
	Name string
}

// Policies makes the objects of one configuration. It is immutable and safe for concurrent use.
// Make it with [New]: the zero value makes zero values.
type Policies struct {
	name     string
	mutation mutate.Config // with every default written out
}

// New checks that a policy can do what the configuration says. A setting that it cannot honour is an
// error, all of them at once: see [Features].
func New(mutation mutate.Config, cfg Config) (*Policies, error) {
	resolved, err := mutation.Resolved()
	errs := []error{err}
	if cfg.Name == "" {
		cfg.Name = DefaultName
	}
	if kubename.CheckServiceAccount(cfg.Name) != nil { // a DNS subdomain too
		errs = append(errs, errName(cfg.Name))
	}
	if len(mutation.PodIdentityAccounts) > 0 {
		errs = append(errs, errors.New("config: PodIdentityAccounts: a policy injects web identities only"))
	}
	if len(mutation.Defaults) > 0 {
		errs = append(errs, errors.New("config: Defaults: a policy reads annotations only"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("admissionpolicy: %w", err)
	}
	return &Policies{name: cfg.Name, mutation: resolved}, nil
}

func errName(name string) error {
	return fmt.Errorf("config: Name: %q is not a DNS subdomain, want one such as %q", name, DefaultName)
}

// made says that p comes from New; anything else makes nothing.
func (p *Policies) made() bool { return p != nil && p.name != "" }

// match is the rules of every namespace, for pods without the label that keeps EKS's webhook away.
func (p *Policies) match() *admissionregistrationv1.MatchResources {
	return matchPods([]metav1.LabelSelectorRequirement{{
		Key:      p.mutation.AnnotationKey(mutate.LabelSkipWebhook),
		Operator: metav1.LabelSelectorOpDoesNotExist,
	}})
}

// matchPods are the requests that an injection is for.
func matchPods(labels []metav1.LabelSelectorRequirement) *admissionregistrationv1.MatchResources {
	return &admissionregistrationv1.MatchResources{
		ObjectSelector: &metav1.LabelSelector{MatchExpressions: labels},
		ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{
			rule("pods", admissionregistrationv1.Create),
			rule("pods/ephemeralcontainers", admissionregistrationv1.Update),
		},
	}
}

// rule is a resource of the core API group.
func rule(resource string, operations ...admissionregistrationv1.OperationType) admissionregistrationv1.NamedRuleWithOperations {
	return admissionregistrationv1.NamedRuleWithOperations{
		RuleWithOperations: admissionregistrationv1.RuleWithOperations{
			Operations: operations,
			Rule: admissionregistrationv1.Rule{
				APIGroups:   []string{""},
				APIVersions: []string{"v1"},
				Resources:   []string{resource},
			},
		},
	}
}
