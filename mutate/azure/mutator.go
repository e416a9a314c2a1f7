package azure

import (
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
	engine mutate.Engine
	cfg    Config
	ca     []profile.Source // of the identity binding
}

var errNoMutator = errors.New("the Mutator was not made by New")

// New checks c and makes a Mutator. The error joins everything wrong with c.
func New(c Config) (*Mutator, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("azure: %w", err)
	}
	m := &Mutator{cfg: c}
	if source := c.IdentityBinding.source(); source != nil {
		projected, err := json.Marshal(source)
		if err != nil {
			return nil, fmt.Errorf("azure: config: IdentityBinding: %w", err)
		}
		m.ca = []profile.Source{{JSON: string(projected), File: caFile}}
	}
	m.cfg.IdentityBinding.TrustBundleLabels = nil // the caller's map
	return m, nil
}

// Pod plans the patch for a decoded pod. The patch applies to the pod's JSON as
// [encoding/json] writes it. The pod is not changed. A zero id, a pod without the label
// azure.workload.identity/use=true, and a mirror pod give a zero Result.
//
// It fails for an id that cannot be injected and for a pod with a bad annotation.
func (m *Mutator) Pod(pod *corev1.Pod, id Identity) (mutate.Result, error) {
	p, err := m.profile(id)
	if err != nil || id.IsZero() && pod != nil {
		return mutate.Result{}, err
	}
	return m.engine.Pod(pod, p)
}

// RawPod plans the patch for a pod's JSON, such as AdmissionRequest.Object.Raw, and is as Pod for
// the rest. The patch applies to those bytes.
//
// It fails as Pod does, and as [mutate.Mutator.RawPod] for what is not a pod.
func (m *Mutator) RawPod(pod []byte, id Identity) (mutate.Result, error) {
	p, err := m.profile(id)
	if err != nil || id.IsZero() {
		return mutate.Result{}, err
	}
	return m.engine.RawPod(pod, p)
}

// Review answers an admission request with the mutation that gives id to its pod, as
// [mutate.Mutator.Review] does: pods that are created and ephemeral containers that are added are
// handled, every other request is allowed as it is, and so is one with a zero id.
func (m *Mutator) Review(req *admissionv1.AdmissionRequest, id Identity) *admissionv1.AdmissionResponse {
	return m.review(req, id).Response
}

// ReviewAccount is Identity and Review in one, for the ServiceAccount of the request's pod; package
// mutate/webhook calls it. An account whose annotations cannot be honoured refuses the pod.
// A pod without the label is left alone, whatever its account says.
func (m *Mutator) ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) mutate.Reviewed {
	id, err := m.Identity(sa)
	if err == nil {
		return m.review(req, id)
	}
	if m != nil && m.cfg.TenantID != "" && !m.engine.Concerns(req, profile.Profile{Cloud: "azure", Label: LabelUse, LabelValue: LabelUseValue}) {
		return allow(req)
	}
	return refuse(req, err)
}

func (m *Mutator) review(req *admissionv1.AdmissionRequest, id Identity) mutate.Reviewed {
	if m != nil && m.cfg.TenantID != "" && id.IsZero() && req != nil {
		return allow(req)
	}
	p, err := m.profile(id)
	if err != nil {
		return refuse(req, err)
	}
	return m.engine.Review(req, p)
}

func allow(req *admissionv1.AdmissionRequest) mutate.Reviewed {
	return mutate.Reviewed{Response: &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}}
}

func refuse(req *admissionv1.AdmissionRequest, err error) mutate.Reviewed {
	return mutate.Reviewed{Response: mutate.DenyError(req, err), Err: err}
}

const (
	volumePrefix = "azure-workload-identity-reserved-"
	mountPath    = "/var/run/secrets/azure/wi"
	tokenFile    = "token/azure-identity-token"
	caFile       = "ca-cert/ca.crt"

	volumeV1_5    = "azure-identity-token"
	mountPathV1_5 = "/var/run/secrets/azure/tokens"
	tokenFileV1_5 = "azure-identity-token"
)

// profile writes down what id does to a pod.
func (m *Mutator) profile(id Identity) (profile.Profile, error) {
	if m == nil || m.cfg.TenantID == "" {
		return profile.Profile{}, fmt.Errorf("azure: pod: %w", errNoMutator)
	}
	if err := id.check(); err != nil {
		return profile.Profile{}, fmt.Errorf("azure: pod: identity: %w", err)
	}
	p := profile.Profile{
		Cloud: "azure",
		Label: LabelUse, LabelValue: LabelUseValue,
		Volume:     profile.Volume{Name: volumePrefix, ByPodName: true},
		MountPath:  mountPath,
		Grant:      profile.Grant{Audience: m.cfg.audience(), File: tokenFile},
		Expiration: expiration(),
		Skip:       profile.Skip{Key: AnnotationSkipContainers, Separator: ";"},
		// The credential of the environment comes first in azidentity's DefaultAzureCredential.
		Preferred:   []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"},
		Unsupported: []string{annotationProxy},
	}
	if m.cfg.Layout == LayoutV1_5 {
		p.Volume, p.MountPath, p.Grant.File = profile.Volume{Name: volumeV1_5}, mountPathV1_5, tokenFileV1_5
	}
	if id.TokenExpiration != 0 {
		p.Expiration.Seconds = int64(id.TokenExpiration / time.Second)
	}
	tenant := orElse(id.TenantID, m.cfg.TenantID)
	if id.OmitTenantID {
		tenant = ""
	}
	p.Grant.Env = []profile.Env{
		{Name: "AZURE_CLIENT_ID", Value: id.ClientID, Needed: true},
		{Name: "AZURE_TENANT_ID", Value: tenant, Needed: true},
		{Name: "AZURE_FEDERATED_TOKEN_FILE", Value: p.MountPath + "/" + p.Grant.File, Needed: true},
		{Name: "AZURE_AUTHORITY_HOST", Value: m.cfg.Cloud.AuthorityHost()},
	}
	if m.cfg.IdentityBinding.isZero() {
		p.Unsupported = append(p.Unsupported, AnnotationIdentityBinding)
		return p, nil
	}
	p.Choose = profile.Choose{Key: AnnotationIdentityBinding, Grant: m.binding(p.Grant)}
	return p, nil
}

// binding is what a pod with an identity binding gets.
func (m *Mutator) binding(g profile.Grant) profile.Grant {
	b := m.cfg.IdentityBinding
	g.Audience, g.Sources = b.audience(), m.ca
	file := mountPath + "/" + caFile
	if len(m.ca) == 0 && b.CAData == "" { // clients trust what the container's system does
		file = ""
	}
	g.Env = append(g.Env[:len(g.Env):len(g.Env)],
		profile.Env{Name: "AZURE_KUBERNETES_TOKEN_PROXY", Value: b.TokenProxy, Needed: true},
		profile.Env{Name: "AZURE_KUBERNETES_SNI_NAME", Value: b.SNIName},
		profile.Env{Name: "AZURE_KUBERNETES_CA_FILE", Value: file},
		profile.Env{Name: "AZURE_KUBERNETES_CA_DATA", Value: b.CAData},
	)
	return g
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
