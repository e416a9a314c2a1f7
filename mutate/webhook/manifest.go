package webhook

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/mutate"
)

// ManifestConfig is what the webhook's objects in the cluster say of its server.
type ManifestConfig struct {
	// Service is the namespace and name of the Service in front of the webhook. Required.
	Service types.NamespacedName
	// Port of the Service. 0: 443.
	Port int32
	// Path of the handler. "": "/mutate" for Default and OptIn, and "/require" for Required.
	Path string
	// TargetPort is the port that the webhook's pods listen at. 0: 8443.
	TargetPort int32
	// CABundle is the PEM certificates that the API server trusts for the webhook, and nothing
	// else. nil: it is left out, for CertManager or another injector to fill in.
	CABundle []byte
	// CertManager leaves CABundle and the serving certificate to cert-manager: Companions has
	// a Certificate, and its injector finds it by an annotation. False: the caller does.
	CertManager bool
	// FailurePolicy of Default: what becomes of a pod while the webhook does not answer.
	// Fail refuses it; select the namespaces then, so that the cluster can come up without
	// the webhook. "": Ignore, which lets the pod in without an identity; of OptIn: Fail.
	// Required is Fail.
	FailurePolicy admissionregistrationv1.FailurePolicyType
	// NamespaceSelector chooses the namespaces. nil: all of them.
	NamespaceSelector *metav1.LabelSelector
	// ObjectSelector chooses pods by their labels, besides the labels that Default, OptIn
	// and Required look at by themselves. nil: all of them.
	ObjectSelector *metav1.LabelSelector
	// Annotations are those of the MutatingWebhookConfiguration. nil: none of the caller's.
	Annotations map[string]string
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
// webhook does not answer, unless FailurePolicy is Fail. It is named after the Service.
func Default(c ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	c.Path = orElse(c.Path, "/mutate")
	if c.FailurePolicy == "" {
		c.FailurePolicy = admissionregistrationv1.Ignore
	}
	return c.manifest("", c.skip())
}

// skip leaves out the pods that keep the webhook away.
func (c ManifestConfig) skip() metav1.LabelSelectorRequirement {
	return metav1.LabelSelectorRequirement{
		Key: c.domain().AnnotationKey(mutate.LabelSkipWebhook), Operator: metav1.LabelSelectorOpDoesNotExist,
	}
}

// OptIn returns a configuration for the pods that ask by a label for the identity of a cloud in
// Config.Clouds, such as azure.LabelUse: they are refused (Fail) when the webhook does not answer,
// unless FailurePolicy is Ignore. That is how azure-workload-identity is registered. It stands
// beside Default, or alone where nothing but that cloud is served. The pods that Default leaves out
// are left out. It is named after the Service, with "-opt-in" behind it.
func OptIn(c ManifestConfig, label, value string) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	c.Path = orElse(c.Path, "/mutate")
	if c.FailurePolicy == "" {
		c.FailurePolicy = admissionregistrationv1.Fail
	}
	c.ObjectSelector = c.objects(metav1.LabelSelectorRequirement{Key: label, Operator: metav1.LabelSelectorOpIn, Values: []string{value}})
	return c.manifest("-opt-in", c.skip())
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
	switch c.FailurePolicy {
	case "", admissionregistrationv1.Fail:
		c.FailurePolicy = admissionregistrationv1.Fail
	default:
		return nil, fmt.Errorf("webhook: manifest: FailurePolicy: %q, want %q: without an answer Required refuses the pod", c.FailurePolicy, admissionregistrationv1.Fail)
	}
	return c.manifest("-required", optIn)
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
		errs = append(errs, fmt.Errorf("webhook: manifest: Service: %q cannot be the name of a Service", c.Service.Name))
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("webhook: manifest: Port: %d, want 1 to 65535", c.Port))
	}
	if c.TargetPort < 0 || c.TargetPort > 65535 {
		errs = append(errs, fmt.Errorf("webhook: manifest: TargetPort: %d, want 1 to 65535", c.TargetPort))
	}
	if c.CertManager && c.CABundle != nil {
		errs = append(errs, errors.New("webhook: manifest: CABundle: CertManager would replace it"))
	}
	if err := checkCertificates(c.CABundle); err != nil {
		errs = append(errs, fmt.Errorf("webhook: manifest: CABundle: %w", err))
	}
	if !strings.HasPrefix(c.Path, "/") {
		errs = append(errs, fmt.Errorf("webhook: manifest: Path: %q does not begin with a slash", c.Path))
	}
	if t := c.Timeout; t != 0 && (t < time.Second || t > 30*time.Second || t%time.Second != 0) {
		errs = append(errs, fmt.Errorf("webhook: manifest: Timeout: %v, want whole seconds from 1 to 30", t))
	}
	if key, value, ok := c.ownLabel(); !ok || value == "" || len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
		errs = append(errs, fmt.Errorf(`webhook: manifest: OwnLabel: %q, want a label as "key=value"`, c.OwnLabel))
	}
	if d := c.AnnotationDomain; d != "" && len(validation.IsDNS1123Subdomain(d)) > 0 {
		errs = append(errs, fmt.Errorf("webhook: manifest: AnnotationDomain: %q is not a DNS subdomain", d))
	}
	return errors.Join(append(errs, c.checkChoice()...)...)
}

// checkCertificates refuses the private key that may be in the same file: whoever may read webhook
// configurations would have it.
func checkCertificates(bundle []byte) error {
	if bytes.Contains(bundle, []byte("PRIVATE KEY-----")) {
		return errors.New("it has a private key, want certificates alone")
	}
	found := bundle == nil
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("it has a PEM block of type %q, want certificates alone", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return errors.New("it has no PEM certificate")
	}
	return nil
}

// checkChoice reports what is wrong with the choice of pods.
func (c ManifestConfig) checkChoice() (errs []error) {
	switch c.FailurePolicy {
	case "", admissionregistrationv1.Ignore, admissionregistrationv1.Fail:
	default:
		errs = append(errs, fmt.Errorf("webhook: manifest: FailurePolicy: %q, want %q or %q", c.FailurePolicy,
			admissionregistrationv1.Ignore, admissionregistrationv1.Fail))
	}
	if _, err := metav1.LabelSelectorAsSelector(c.NamespaceSelector); err != nil {
		errs = append(errs, fmt.Errorf("webhook: manifest: NamespaceSelector: %w", err))
	}
	if _, err := metav1.LabelSelectorAsSelector(c.ObjectSelector); err != nil {
		errs = append(errs, fmt.Errorf("webhook: manifest: ObjectSelector: %w", err))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Annotations)) {
		if wrong := validation.IsQualifiedName(strings.ToLower(key)); len(wrong) > 0 {
			errs = append(errs, fmt.Errorf("webhook: manifest: Annotations: %q: %s", key, strings.Join(wrong, "; ")))
		}
	}
	return errs
}

func (c ManifestConfig) port() int32 {
	if c.Port == 0 {
		return 443
	}
	return c.Port
}

// namespaces is the caller's choice, in a copy.
func (c ManifestConfig) namespaces() *metav1.LabelSelector {
	if c.NamespaceSelector == nil {
		return &metav1.LabelSelector{}
	}
	return c.NamespaceSelector.DeepCopy()
}

// objects is the caller's choice with further requirements.
func (c ManifestConfig) objects(more ...metav1.LabelSelectorRequirement) *metav1.LabelSelector {
	all := &metav1.LabelSelector{}
	if c.ObjectSelector != nil {
		all = c.ObjectSelector.DeepCopy()
	}
	all.MatchExpressions = append(all.MatchExpressions, more...)
	return all
}

// manifest is what both configurations have in common.
func (c ManifestConfig) manifest(suffix string, which metav1.LabelSelectorRequirement) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	port, timeout := c.port(), int32(c.Timeout/time.Second)
	if timeout == 0 {
		timeout = 10
	}
	key, value, _ := c.ownLabel()
	own := metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{value}}
	none, again := admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.IfNeededReinvocationPolicy
	equivalent := admissionregistrationv1.Equivalent
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: c.Service.Name + suffix, Annotations: c.annotations()},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: c.webhookName(suffix),
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{
					Namespace: c.Service.Namespace, Name: c.Service.Name, Path: &c.Path, Port: &port,
				},
				CABundle: c.CABundle,
			},
			Rules:                   podRules(),
			FailurePolicy:           &c.FailurePolicy,
			MatchPolicy:             &equivalent,
			NamespaceSelector:       c.namespaces(),
			ObjectSelector:          c.objects(which, own),
			SideEffects:             &none,
			TimeoutSeconds:          &timeout,
			AdmissionReviewVersions: []string{"v1", "v1beta1"},
			ReinvocationPolicy:      &again,
		}},
	}, nil
}

// webhookName has three parts at least, as the API server wants it (IsFullyQualifiedName in
// k8s.io/apimachinery/pkg/util/validation).
func (c ManifestConfig) webhookName(suffix string) string {
	domain := orElse(c.AnnotationDomain, mutate.DefaultAnnotationDomain)
	if !strings.Contains(domain, ".") {
		domain = c.Service.Namespace + "." + domain
	}
	return c.Service.Name + suffix + "." + domain
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
