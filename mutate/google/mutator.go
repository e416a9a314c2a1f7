package google

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

// Mutator plans patches for one [Config]. Make it with [New]. It is immutable and safe for
// concurrent use.
type Mutator struct {
	engine *mutate.Engine
	cfg    Config
}

var errNoMutator = errors.New("the Mutator was not made by New")

// New checks c and makes a Mutator. The error joins everything wrong with c.
func New(c Config) (*Mutator, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("google: %w", err)
	}
	return &Mutator{engine: mutate.NewEngine(c.profile()), cfg: c}, nil
}

// Pod plans the patch for a decoded pod. The patch applies to the pod's JSON as
// [encoding/json] writes it. The pod is not changed. A zero id and a mirror pod give a zero Result.
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

// Diagnose says for a pod that exists whether its containers get the credentials of id, the
// [Mutator.Identity] of its account now, as [mutate.Mutator.Diagnose] does. It looks at the pod
// alone. A zero id asks what pods of an account without an identity have.
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
// A mirror pod is left alone, whatever its account says.
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
	volumeName      = "gcp-iam-token"
	mountPath       = "/var/run/secrets/sts.googleapis.com/serviceaccount"
	tokenFile       = "token"
	credentialsFile = "federation.json"
	envProject      = "CLOUDSDK_CORE_PROJECT"

	credentialsField  = "metadata.annotations['" + AnnotationCredentials + "']"
	credentialsSource = `{"downwardAPI":{"items":[{"path":"` + credentialsFile +
		`","fieldRef":{"apiVersion":"v1","fieldPath":"` + credentialsField + `"}}]}}`
)

// profile writes down what is done to the pods of a cluster; c was checked.
func (c Config) profile() profile.Profile {
	const file = mountPath + "/" + credentialsFile
	return profile.Profile{
		Cloud: "google", Name: "Google Cloud", Clients: "Google Cloud's client libraries",
		Vars: []profile.Var{
			{Name: "GOOGLE_APPLICATION_CREDENTIALS", Use: profile.Identity, File: true, Value: file, Is: "configuration"},
			{Name: "CLOUDSDK_COMPUTE_REGION", Value: c.ComputeRegion},
			{Name: envProject, Value: c.Project},
			{Name: "GOOGLE_CLOUD_PROJECT", Value: c.Project},
			{Name: "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", Value: file},
			{Name: "CLOUDSDK_CORE_UNIVERSE_DOMAIN", Value: c.UniverseDomain},
			{Name: "GOOGLE_CLOUD_UNIVERSE_DOMAIN", Value: c.UniverseDomain},
		},
		Methods: []profile.Method{{
			Name: "federation", Title: "workload identity federation",
			Volume: profile.Volume{Name: volumeName, DefaultMode: c.DefaultMode}, MountPath: mountPath, File: tokenFile,
			Sources: []profile.Source{{JSON: credentialsSource, File: credentialsFile, FieldPath: credentialsField}},
			Mark:    profile.Mark{Key: AnnotationCredentials},
		}},
		Expiration: expiration,
		Skip:       profile.Skip{Key: AnnotationSkipContainers, Separator: ","},
	}
}

// grant writes down what id does to a pod, for an action; nil for a zero id.
func (m *Mutator) grant(action string, id Identity) (*profile.Grant, error) {
	if m == nil || m.engine == nil {
		return nil, fmt.Errorf("google: %s: %w", action, errNoMutator)
	}
	if id.IsZero() {
		return nil, nil
	}
	if err := id.check(); err != nil {
		return nil, fmt.Errorf("google: %s: identity: %w", action, err)
	}
	g, err := m.grantOf(values{id.Provider, id.ServiceAccountEmail, m.audience(id), id.project()})
	if err != nil {
		return nil, fmt.Errorf("google: %s: identity: %w", action, err)
	}
	if id.TokenExpiration != 0 {
		g.Seconds = max(int64(id.TokenExpiration/time.Second), expiration.Min)
	}
	return &g, nil
}

// values are what an account says, and what follows from it.
type values struct{ provider, email, audience, project string }

// grantOf is what an account with these values gives.
func (m *Mutator) grantOf(v values) (profile.Grant, error) {
	credentials, err := m.credentials(v)
	g := profile.Grant{Audience: v.audience, Mark: credentials, Seconds: defaultExpiration}
	if m.cfg.Project == "" {
		g.Values = map[string]string{envProject: v.project}
	}
	return g, err
}

// Template is for package mutate/admissionpolicy: the rules, with references in the place of the
// values of an account, among them the project of its e-mail address. Those of an account without
// an address come from a ref that is "" for ValueEmail. It is zero for a Mutator that New did not make.
func (m *Mutator) Template(ref func(name string) string) profile.Template {
	if m == nil || m.engine == nil {
		return profile.Template{}
	}
	const provider, audience = "provider", "audience"
	g, err := m.grantOf(values{ref(provider), ref(ValueEmail), ref(audience), ref(ValueProject)})
	if err != nil {
		return profile.Template{}
	}
	return profile.Template{Profile: m.cfg.profile(), Grant: g, Needs: []string{provider, ValueEmail}, Values: []profile.Value{
		{Name: provider, Key: AnnotationProvider, Pattern: providerPattern, Want: wantProvider},
		{Name: ValueEmail, Key: AnnotationEmail, Pattern: emailPattern, Want: wantEmail},
		{
			Name: audience, Key: AnnotationAudience, Pattern: printable.Pattern, Want: wantAudience,
			Default: m.audience(Identity{Provider: ref(provider)}), EmptyIsAbsent: true,
		},
		{Name: "mode", Key: AnnotationInjectionMode, Pattern: modePattern, Want: wantMode},
		{Name: "user", Key: annotationRunAsUser, Pattern: userPattern, Want: wantUser, Default: "0"},
	}}
}

// Names in a Template: the account's e-mail address, and the project in it.
const (
	ValueEmail   = "email"
	ValueProject = "project"
)

// audience is that of the token; the one in the configuration is the provider's name.
func (m *Mutator) audience(id Identity) string {
	return cmp.Or(id.Audience, m.cfg.Audience, "https://iam.googleapis.com/"+id.Provider)
}
