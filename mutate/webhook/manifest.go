package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/mutate"
)

// ManifestConfig is what a MutatingWebhookConfiguration says of the webhook's server.
type ManifestConfig struct {
	// Service is the namespace and name of the Service in front of the webhook. Required.
	Service types.NamespacedName
	// Port of the Service. 0: 443.
	Port int32
	// Path of the handler. "": "/mutate" for Default and "/require" for Required.
	Path string
	// CABundle is the PEM certificates that the API server trusts for the webhook. nil: it
	// is left out, for cert-manager's injector to fill in.
	CABundle []byte
	// AnnotationDomain is as in mutate.Config.
	AnnotationDomain string
	// OwnLabel is a label of the webhook's own pods, which are excluded: they could not
	// start while they are not running. "": app.kubernetes.io/name=pod-identity-webhook.
	OwnLabel string
	// Timeout of a call, in whole seconds from 1 to 30. 0: 10 s.
	Timeout time.Duration
}

// Default returns the configuration that EKS ships: pods of all namespaces, without those
// labelled eks.amazonaws.com/skip-pod-identity-webhook, and let through (Ignore) when the
// webhook does not answer. It is named after the Service.
func Default(c ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	c.Path = orElse(c.Path, "/mutate")
	skip := metav1.LabelSelectorRequirement{
		Key: c.domain().AnnotationKey(mutate.LabelSkipWebhook), Operator: metav1.LabelSelectorOpDoesNotExist,
	}
	return c.manifest("", admissionregistrationv1.Ignore, skip)
}

// Required returns a second configuration, for pods labelled
// eks.amazonaws.com/require-identity=true: they are refused (Fail) when the webhook does not
// answer. Point it at a handler with Config.RequireIdentity, which also refuses them when
// their account has no identity. It is named after the Service, with "-required" behind it.
func Required(c ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	c.Path = orElse(c.Path, "/require")
	optIn := metav1.LabelSelectorRequirement{
		Key: c.domain().AnnotationKey(mutate.LabelRequireIdentity), Operator: metav1.LabelSelectorOpIn,
		Values: []string{mutate.LabelRequireIdentityValue},
	}
	return c.manifest("-required", admissionregistrationv1.Fail, optIn)
}

func (c ManifestConfig) domain() mutate.Config {
	return mutate.Config{AnnotationDomain: c.AnnotationDomain}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// ownLabel returns the label of the webhook's own pods.
func (c ManifestConfig) ownLabel() (key, value string, ok bool) {
	return strings.Cut(orElse(c.OwnLabel, "app.kubernetes.io/name=pod-identity-webhook"), "=")
}

func (c ManifestConfig) check() error {
	var errs []error
	if err := kubename.CheckNamespace(c.Service.Namespace); err != nil {
		errs = append(errs, fmt.Errorf("webhook: manifest: Service: %w", err))
	}
	if kubename.CheckNamespace(c.Service.Name) != nil {
		errs = append(errs, fmt.Errorf("webhook: manifest: Service: %q is no name of a Service", c.Service.Name))
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("webhook: manifest: Port: %d, want 1 to 65535", c.Port))
	}
	if !strings.HasPrefix(c.Path, "/") {
		errs = append(errs, fmt.Errorf("webhook: manifest: Path: %q does not begin with a slash", c.Path))
	}
	if t := c.Timeout; t != 0 && (t < time.Second || t > 30*time.Second || t%time.Second != 0) {
		errs = append(errs, fmt.Errorf("webhook: manifest: Timeout: %v, want whole seconds from 1 to 30", t))
	}
	if key, value, ok := c.ownLabel(); !ok || key == "" || value == "" {
		errs = append(errs, fmt.Errorf(`webhook: manifest: OwnLabel: %q, want "key=value"`, c.OwnLabel))
	}
	if _, err := c.domain().Resolved(); err != nil {
		errs = append(errs, fmt.Errorf("webhook: manifest: %w", err))
	}
	return errors.Join(errs...)
}

// manifest is what both configurations have in common.
func (c ManifestConfig) manifest(suffix string, failure admissionregistrationv1.FailurePolicyType, which metav1.LabelSelectorRequirement) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	port, timeout := c.Port, int32(c.Timeout/time.Second)
	if port == 0 {
		port = 443
	}
	if timeout == 0 {
		timeout = 10
	}
	key, value, _ := c.ownLabel()
	own := metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{value}}
	none, again := admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.IfNeededReinvocationPolicy
	equivalent := admissionregistrationv1.Equivalent
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: c.Service.Name + suffix},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: c.Service.Name + suffix + "." + orElse(c.AnnotationDomain, mutate.DefaultAnnotationDomain),
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{
					Namespace: c.Service.Namespace, Name: c.Service.Name, Path: &c.Path, Port: &port,
				},
				CABundle: c.CABundle,
			},
			Rules:                   podRules(),
			FailurePolicy:           &failure,
			MatchPolicy:             &equivalent,
			NamespaceSelector:       &metav1.LabelSelector{},
			ObjectSelector:          &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{which, own}},
			SideEffects:             &none,
			TimeoutSeconds:          &timeout,
			AdmissionReviewVersions: []string{"v1", "v1beta1"},
			ReinvocationPolicy:      &again,
		}},
	}, nil
}

// podRules are the requests that a mutation is for.
func podRules() []admissionregistrationv1.RuleWithOperations {
	scope := admissionregistrationv1.NamespacedScope
	rule := func(op admissionregistrationv1.OperationType, resource string) admissionregistrationv1.RuleWithOperations {
		return admissionregistrationv1.RuleWithOperations{
			Operations: []admissionregistrationv1.OperationType{op},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{resource}, Scope: &scope,
			},
		}
	}
	return []admissionregistrationv1.RuleWithOperations{
		rule(admissionregistrationv1.Create, "pods"),
		rule(admissionregistrationv1.Update, "pods/ephemeralcontainers"),
	}
}
