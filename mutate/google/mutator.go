package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

// Mutator plans patches for one [Config]. Make it with [New]. It is immutable and safe for
// concurrent use.
type Mutator struct {
	engine mutate.Engine
	cfg    Config
	made   bool
}

var errNoMutator = errors.New("the Mutator was not made by New")

// New checks c and makes a Mutator. The error joins everything wrong with c.
func New(c Config) (*Mutator, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("google: %w", err)
	}
	return &Mutator{cfg: c, made: true}, nil
}

// Pod plans the patch for a decoded pod. The patch applies to the pod's JSON as
// [encoding/json] writes it. The pod is not changed. A zero id and a mirror pod give a zero Result.
//
// It fails for an id that cannot be injected and for a pod with a bad annotation.
func (m *Mutator) Pod(pod *corev1.Pod, id Identity) (mutate.Result, error) {
	if m != nil && m.made && id.IsZero() && pod != nil {
		return mutate.Result{}, nil
	}
	p, err := m.profile(id)
	if err != nil {
		return mutate.Result{}, err
	}
	return m.engine.Pod(pod, p)
}

// RawPod plans the patch for a pod's JSON, such as AdmissionRequest.Object.Raw, and is as Pod for
// the rest. The patch applies to those bytes.
//
// It fails as Pod does, and as [mutate.Mutator.RawPod] for what is not a pod.
func (m *Mutator) RawPod(pod []byte, id Identity) (mutate.Result, error) {
	if m != nil && m.made && id.IsZero() {
		return mutate.Result{}, nil
	}
	p, err := m.profile(id)
	if err != nil {
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
// A mirror pod is left alone, whatever its account says.
func (m *Mutator) ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) mutate.Reviewed {
	id, err := m.Identity(sa)
	if err == nil {
		return m.review(req, id)
	}
	if m != nil && m.made && !m.engine.Concerns(req, profile.Profile{Cloud: "google"}) {
		return allow(req)
	}
	return refuse(req, err)
}

func (m *Mutator) review(req *admissionv1.AdmissionRequest, id Identity) mutate.Reviewed {
	if m != nil && m.made && id.IsZero() && req != nil {
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
	volumeName      = "gcp-iam-token"
	mountPath       = "/var/run/secrets/sts.googleapis.com/serviceaccount"
	tokenFile       = "token"
	credentialsFile = "federation.json"

	credentialsField  = "metadata.annotations['" + AnnotationCredentials + "']"
	credentialsSource = `{"downwardAPI":{"items":[{"path":"` + credentialsFile +
		`","fieldRef":{"apiVersion":"v1","fieldPath":"` + credentialsField + `"}}]}}`
)

// profile writes down what id does to a pod.
func (m *Mutator) profile(id Identity) (profile.Profile, error) {
	if m == nil || !m.made {
		return profile.Profile{}, fmt.Errorf("google: pod: %w", errNoMutator)
	}
	if err := id.check(); err != nil {
		return profile.Profile{}, fmt.Errorf("google: pod: identity: %w", err)
	}
	credentials, err := id.credentials()
	if err != nil {
		return profile.Profile{}, fmt.Errorf("google: pod: identity: %w", err)
	}
	p := profile.Profile{
		Cloud:     "google",
		Volume:    profile.Volume{Name: volumeName, DefaultMode: m.cfg.DefaultMode},
		MountPath: mountPath,
		Grant: profile.Grant{
			Audience: m.audience(id), File: tokenFile,
			Sources: []profile.Source{{JSON: credentialsSource, File: credentialsFile, FieldPath: credentialsField}},
			Env:     m.env(id),
		},
		Expiration: expiration(),
		Skip:       profile.Skip{Key: AnnotationSkipContainers, Separator: ","},
		Annotation: profile.Annotation{Key: AnnotationCredentials, Value: credentials},
	}
	if id.TokenExpiration != 0 {
		p.Expiration.Seconds = max(int64(id.TokenExpiration/time.Second), p.Expiration.Min)
	}
	return p, nil
}

// audience is that of the token; the one in the configuration is the provider's name.
func (m *Mutator) audience(id Identity) string {
	switch {
	case id.Audience != "":
		return id.Audience
	case m.cfg.Audience != "":
		return m.cfg.Audience
	}
	return "https://iam.googleapis.com/" + id.Provider
}

func (m *Mutator) env(id Identity) []profile.Env {
	const file = mountPath + "/" + credentialsFile
	project := m.cfg.Project
	if project == "" {
		project = id.project()
	}
	return []profile.Env{
		{Name: "GOOGLE_APPLICATION_CREDENTIALS", Value: file, Identity: true},
		{Name: "CLOUDSDK_COMPUTE_REGION", Value: m.cfg.ComputeRegion},
		{Name: "CLOUDSDK_CORE_PROJECT", Value: project},
		{Name: "GOOGLE_CLOUD_PROJECT", Value: m.cfg.Project},
		{Name: "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", Value: file},
	}
}

// project is the one that the e-mail address of a user-managed service account names; "" for
// others. In the address of a domain-scoped project it is written in another way than by its id.
func (id Identity) project() string {
	_, domain, _ := strings.Cut(id.ServiceAccountEmail, "@")
	project, ok := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	if !ok || strings.Contains(project, ".") {
		return ""
	}
	return project
}

// externalAccount is what client libraries read from GOOGLE_APPLICATION_CREDENTIALS
// (https://google.aip.dev/auth/4117).
type externalAccount struct {
	Type             string `json:"type"`
	Audience         string `json:"audience"`
	SubjectTokenType string `json:"subject_token_type"`
	TokenURL         string `json:"token_url"`
	TokenInfoURL     string `json:"token_info_url,omitempty"`
	ImpersonationURL string `json:"service_account_impersonation_url,omitempty"`
	CredentialSource struct {
		File   string `json:"file"`
		Format struct {
			Type string `json:"type"`
		} `json:"format"`
	} `json:"credential_source"`
}

// credentials is the configuration, on one line.
func (id Identity) credentials() (string, error) {
	c := externalAccount{
		Type: "external_account", Audience: "//iam.googleapis.com/" + id.Provider,
		SubjectTokenType: "urn:ietf:params:oauth:token-type:jwt", TokenURL: "https://sts.googleapis.com/v1/token",
	}
	if id.ServiceAccountEmail == "" {
		c.TokenInfoURL = "https://sts.googleapis.com/v1/introspect"
	} else {
		c.ImpersonationURL = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" +
			id.ServiceAccountEmail + ":generateAccessToken"
	}
	c.CredentialSource.File, c.CredentialSource.Format.Type = mountPath+"/"+tokenFile, "text"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
