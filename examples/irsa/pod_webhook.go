package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/mutate/webhook"
)

// manifests is the command line of "irsa webhook-manifests".
type manifests struct {
	webhook.ManifestConfig
	service, caBundle, namespaces, failurePolicy, optIn string
	required                                            bool
}

// newWebhookManifests prints what a webhook on mutate/webhook needs in its cluster.
func newWebhookManifests() *cobra.Command {
	var m manifests
	cmd := &cobra.Command{
		Use:   "webhook-manifests",
		Short: "The objects of a webhook in its cluster, for kubectl apply",
		Long: "Prints what a webhook on package mutate/webhook needs beside its Deployment: ServiceAccount, ClusterRole and\n" +
			"binding, Service, certificate, and the MutatingWebhookConfigurations, last.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&m.service, "service", "irsa/pod-identity-webhook", "`NAMESPACE/NAME` of the webhook's Service, after which all is named")
	f.BoolVar(&m.CertManager, "cert-manager", false, "leave the certificate to cert-manager")
	f.StringVar(&m.caBundle, "ca-bundle", "", "PEM `FILE` with the certificates that the API server trusts for the webhook; - is standard input")
	f.StringVar(&m.failurePolicy, "failure-policy", "Ignore", "what becomes of pods while the webhook does not answer: `Ignore` or Fail")
	f.StringVar(&m.namespaces, "namespace-selector", "", "`LABELS` of the namespaces whose pods are looked at (default: all)")
	f.BoolVar(&m.required, "required", false, "also refuse pods labelled eks.amazonaws.com/require-identity=true that get no identity")
	f.StringVar(&m.optIn, "opt-in", "", "`LABEL=VALUE` of pods that ask for another cloud's identity, such as azure.workload.identity/use=true: refuse them too while the webhook does not answer")
	f.StringVar(&m.AnnotationDomain, "annotation-domain", "", "`DOMAIN` of the annotations (default: eks.amazonaws.com)")
	f.Int32Var(&m.TargetPort, "target-port", 8443, "`PORT` that the webhook's pods listen at")
	f.DurationVar(&m.Timeout, "timeout", 10*time.Second, "of a call, in whole seconds from 1 to 30")
	setFormats(cmd, "`FORMAT` of the objects: yaml, or json for one List", "yaml", "json", "text")
	cmd.MarkFlagsOneRequired("cert-manager", "ca-bundle")
	cmd.MarkFlagsMutuallyExclusive("cert-manager", "ca-bundle")
	return cmd
}

func (m manifests) run(cmd *cobra.Command) (err error) {
	namespace, name, ok := strings.Cut(m.service, "/")
	if !ok {
		return fmt.Errorf("--service: it is %q, want NAMESPACE/NAME", m.service)
	}
	m.Service = types.NamespacedName{Namespace: namespace, Name: name}
	if m.NamespaceSelector, err = metav1.ParseToLabelSelector(m.namespaces); err != nil {
		return fmt.Errorf("--namespace-selector: %w", err)
	}
	if m.caBundle != "" {
		if m.CABundle, _, err = certificates(cmd, m.caBundle); err != nil {
			return err
		}
	}
	companions, err := m.Companions()
	if err != nil {
		return err
	}
	objects := companions.Objects()
	optional := m.ManifestConfig
	optional.FailurePolicy = admissionregistrationv1.FailurePolicyType(m.failurePolicy)
	configuration, err := webhook.Default(optional)
	if err != nil {
		return err
	}
	objects = append(objects, configuration)
	if m.optIn != "" {
		label, value, ok := strings.Cut(m.optIn, "=")
		if !ok {
			return fmt.Errorf("--opt-in: it is %q, want LABEL=VALUE", m.optIn)
		}
		if configuration, err = webhook.OptIn(m.ManifestConfig, label, value); err != nil {
			return fmt.Errorf("--opt-in: %w", err)
		}
		objects = append(objects, configuration)
	}
	if m.required {
		if configuration, err = webhook.Required(m.ManifestConfig); err != nil {
			return err
		}
		objects = append(objects, configuration)
	}
	return writeObjects(cmd, objects)
}

// writeObjects writes YAML documents, or a List of JSON.
func writeObjects(cmd *cobra.Command, objects []runtime.Object) error {
	text, err := webhook.YAML(objects...)
	if err != nil {
		return err
	}
	if output(cmd) != "json" {
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	var items []json.RawMessage
	for _, document := range bytes.Split(text, []byte("---\n"))[1:] {
		item, err := yaml.YAMLToJSON(document)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	return show(cmd, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}
