package azure

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

// Mutator plans patches for one [Config]. Make it with [New]. It is immutable and safe for
// concurrent use.
type Mutator struct {
	engine *mutate.Engine
	rules  profile.Profile
	cfg    Config
}

var errNoMutator = errors.New("the Mutator was not made by New")

// New checks c and makes a Mutator. The error joins everything wrong with c.
func New(c Config) (*Mutator, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("azure: %w", err)
	}
	p, err := c.profile()
	if err != nil {
		return nil, fmt.Errorf("azure: config: IdentityBinding: %w", err)
	}
	c.IdentityBinding.TrustBundleLabels = nil // the caller's map
	return &Mutator{engine: mutate.NewEngine(p), rules: p, cfg: c}, nil
}

// Pod plans the patch for a decoded pod. The patch applies to the pod's JSON as
// [encoding/json] writes it. The pod is not changed. A zero id, a pod without the label
// azure.workload.identity/use=true, and a mirror pod give a zero Result.
//
// It fails for an id that cannot be injected and for a pod with a bad annotation.
func (m *Mutator) Pod(pod *corev1.Pod, id Identity) (mutate.Result, error) {
	g, err := m.grant("pod", id)
	if err != nil {
		return mutate.Result{}, err
	}
	return m.engine.Pod(pod, g)
}

// RawPod plans the patch for a pod's JSON, such as AdmissionRequest.Object.Raw, and is as Pod for
// the rest. The patch applies to those bytes.
//
// It fails as Pod does, and as [mutate.Mutator.RawPod] for what is not a pod.
func (m *Mutator) RawPod(pod []byte, id Identity) (mutate.Result, error) {
	g, err := m.grant("pod", id)
	if err != nil {
		return mutate.Result{}, err
	}
	return m.engine.RawPod(pod, g)
}

// Diagnose says for a pod that exists whether its containers get the tokens of id, the
// [Mutator.Identity] of its account now, as [mutate.Mutator.Diagnose] does. It looks at the pod
// alone. A zero id asks what pods of an account without an identity have, and so does a pod
// without the label azure.workload.identity/use=true.
func (m *Mutator) Diagnose(pod *corev1.Pod, id Identity) (mutate.Diagnosis, error) {
	g, err := m.grant("diagnose", id)
	if err != nil {
		return mutate.Diagnosis{}, err
	}
	return m.engine.Diagnose(pod, g)
}

// Review answers an admission request with the mutation that gives id to its pod, as
// [mutate.Mutator.Review] does: pods that are created and ephemeral containers that are added are
// handled, every other request is allowed as it is, and so is one with a zero id.
func (m *Mutator) Review(req *admissionv1.AdmissionRequest, id Identity) *admissionv1.AdmissionResponse {
	return m.review(req, id, nil).Response
}

// ReviewAccount is Identity and Review in one, for the ServiceAccount of the request's pod; package
// mutate/webhook calls it. An account whose annotations cannot be honoured refuses the pod.
// A pod without the label is left alone, whatever its account says.
func (m *Mutator) ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) mutate.Reviewed {
	id, err := m.Identity(sa)
	return m.review(req, id, err)
}

func (m *Mutator) review(req *admissionv1.AdmissionRequest, id Identity, err error) mutate.Reviewed {
	var g *profile.Grant
	if err == nil {
		g, err = m.grant("pod", id)
	}
	if m == nil {
		m = &Mutator{}
	}
	return m.engine.Review(req, g, err)
}

const (
	volumePrefix = "azure-workload-identity-reserved-"
	mountPath    = "/var/run/secrets/azure/wi"
	tokenFile    = "token/azure-identity-token"
	caFile       = "ca-cert/ca.crt"

	volumeV1_5    = "azure-identity-token"
	mountPathV1_5 = "/var/run/secrets/azure/tokens"
	tokenFileV1_5 = "azure-identity-token"

	envClientID = "AZURE_CLIENT_ID"
	envTenantID = "AZURE_TENANT_ID"
)

// profile writes down what is done to the pods of a cluster; c was checked.
func (c Config) profile() (profile.Profile, error) {
	plain := profile.Method{
		Name: "workload identity", Title: "workload identity", Volume: profile.Volume{Name: volumePrefix, ByPodName: true},
		MountPath: mountPath, Audience: c.audience(), File: tokenFile,
	}
	if c.Layout == LayoutV1_5 {
		plain.Volume, plain.MountPath, plain.File = profile.Volume{Name: volumeV1_5}, mountPathV1_5, tokenFileV1_5
	}
	p := profile.Profile{
		Cloud: "azure", Name: "Azure", Clients: "Azure SDKs", Label: LabelUse, LabelValue: LabelUseValue,
		Vars: []profile.Var{
			{Name: envClientID, Needed: true},
			{Name: envTenantID, Needed: true},
			{Name: "AZURE_FEDERATED_TOKEN_FILE", Needed: true, File: true, Value: plain.MountPath + "/" + plain.File},
			{Name: "AZURE_AUTHORITY_HOST", Value: c.Cloud.authorityHost()},
		},
		Methods:    []profile.Method{plain},
		Expiration: expiration,
		Skip:       profile.Skip{Key: AnnotationSkipContainers, Separator: ";"},
		// What azure-workload-identity's privileged sidecar is asked for by.
		Unsupported: []string{annotationProxy},
	}
	if c.IdentityBinding.isZero() {
		p.Unsupported = append(p.Unsupported, AnnotationIdentityBinding)
	} else if err := c.IdentityBinding.join(&p); err != nil {
		return profile.Profile{}, err
	}
	// The credential of the environment comes first in azidentity's DefaultAzureCredential.
	p.Vars = append(p.Vars,
		profile.Var{Name: "AZURE_CLIENT_SECRET", Use: profile.Static},
		profile.Var{Name: "AZURE_CLIENT_CERTIFICATE_PATH", Use: profile.Static, Credential: 1})
	return p, nil
}

// join adds what a pod with an identity binding gets.
func (b IdentityBinding) join(p *profile.Profile) error {
	binding := p.Methods[0]
	binding.Audience = b.audience()
	file := mountPath + "/" + caFile
	if source := b.source(); source != nil {
		projected, err := json.Marshal(source)
		if err != nil {
			return err
		}
		binding.Sources = []profile.Source{{JSON: string(projected), File: caFile}}
	} else if b.CAData == "" { // clients trust what the container's system does
		file = ""
	}
	p.Choose, p.Methods = AnnotationIdentityBinding, append(p.Methods, binding)
	p.Vars = append(p.Vars,
		profile.Var{Name: "AZURE_KUBERNETES_TOKEN_PROXY", Method: 2, Value: b.TokenProxy, Needed: true},
		profile.Var{Name: "AZURE_KUBERNETES_SNI_NAME", Method: 2, Value: b.SNIName},
		profile.Var{Name: "AZURE_KUBERNETES_CA_FILE", Method: 2, Value: file},
		profile.Var{Name: "AZURE_KUBERNETES_CA_DATA", Method: 2, Value: b.CAData})
	return nil
}

// grant writes down what id does to a pod, for an action; nil for a zero id.
func (m *Mutator) grant(action string, id Identity) (*profile.Grant, error) {
	if m == nil || m.engine == nil {
		return nil, fmt.Errorf("azure: %s: %w", action, errNoMutator)
	}
	if id.IsZero() {
		return nil, nil
	}
	if err := id.check(); err != nil {
		return nil, fmt.Errorf("azure: %s: identity: %w", action, err)
	}
	tenant := cmp.Or(id.TenantID, m.cfg.TenantID)
	if id.OmitTenantID {
		tenant = ""
	}
	g := grantOf(id.ClientID, tenant)
	if id.TokenExpiration != 0 {
		g.Seconds = int64(id.TokenExpiration / time.Second)
	}
	return &g, nil
}

// grantOf is what an account with these ids gives.
func grantOf(clientID, tenantID string) profile.Grant {
	return profile.Grant{Seconds: expiration.Min, Values: map[string]string{envClientID: clientID, envTenantID: tenantID}}
}

// Template is for package mutate/admissionpolicy: the rules, with references in the place of the
// values of an account. It is zero for a Mutator that New did not make.
func (m *Mutator) Template(ref func(name string) string) profile.Template {
	if m == nil || m.engine == nil {
		return profile.Template{}
	}
	const client, tenant = "client", "tenant"
	return profile.Template{Profile: m.rules, Grant: grantOf(ref(client), ref(tenant)), Values: []profile.Value{
		{Name: client, Key: AnnotationClientID, Pattern: idPattern, Want: wantID},
		{Name: tenant, Key: AnnotationTenantID, Pattern: idPattern, Want: wantID, Default: m.cfg.TenantID},
	}}
}

// source is the source of the volume that has the endpoint's CAs; nil for none.
func (b IdentityBinding) source() *corev1.VolumeProjection {
	required := false
	switch {
	case b.CAConfigMap != "":
		return &corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: b.CAConfigMap},
			Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: caFile}},
			Optional:             &required,
		}}
	case b.TrustBundleSigner != "":
		var labels *metav1.LabelSelector
		if len(b.TrustBundleLabels) > 0 {
			labels = &metav1.LabelSelector{MatchLabels: b.TrustBundleLabels}
		}
		return &corev1.VolumeProjection{ClusterTrustBundle: &corev1.ClusterTrustBundleProjection{
			SignerName: &b.TrustBundleSigner, LabelSelector: labels, Path: caFile, Optional: &required,
		}}
	}
	return nil
}
