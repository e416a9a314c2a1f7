package mutate

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/kubename"
)

// Annotations returns the annotations that make a ServiceAccount give id to its pods:
// role-arn, and each setting that differs from what [Config] gives without it. It fails for
// PodIdentity, which no annotation asks for.
func (m *Mutator) Annotations(id Identity) (map[string]string, error) {
	annotations, err := m.annotationsFor(id)
	if err != nil {
		return nil, fmt.Errorf("mutate: annotations: %w", err)
	}
	return annotations, nil
}

func (m *Mutator) annotationsFor(id Identity) (map[string]string, error) {
	if m == nil || m.scanners == nil {
		return nil, errNoMutator
	}
	if id.Method != WebIdentity {
		return nil, fmt.Errorf("method %v needs an association in EKS, not annotations", id.Method)
	}
	if _, err := id.check(); err != nil {
		return nil, err
	}
	annotations := map[string]string{m.keys.role: id.RoleARN}
	if id.Audience != "" && id.Audience != m.cfg.Audience {
		annotations[m.keys.audience] = id.Audience
	}
	if id.RegionalSTS != m.cfg.RegionalSTS {
		annotations[m.keys.regional] = strconv.FormatBool(id.RegionalSTS)
	}
	if id.TokenExpiration != 0 && id.TokenExpiration != m.cfg.TokenExpiration {
		seconds, err := expirationSeconds(int64(id.TokenExpiration / time.Second))
		if err != nil {
			return nil, err
		}
		annotations[m.keys.expiration] = strconv.FormatInt(seconds, 10)
	}
	return annotations, nil
}

// Annotate returns a copy of sa whose annotations give id to its pods: those of this package
// are set as [Mutator.Annotations] has them and otherwise removed, and all else stays. A
// zero id removes them all.
func (m *Mutator) Annotate(sa *corev1.ServiceAccount, id Identity) (*corev1.ServiceAccount, error) {
	if m == nil || m.scanners == nil {
		return nil, fmt.Errorf("mutate: annotate: %w", errNoMutator)
	}
	if sa == nil {
		return nil, fmt.Errorf("mutate: annotate: the service account is nil")
	}
	var annotations map[string]string
	if !id.IsZero() {
		var err error
		if annotations, err = m.annotationsFor(id); err != nil {
			return nil, fmt.Errorf("mutate: annotate: service account %q: %w", sa.Namespace+"/"+sa.Name, err)
		}
	}
	sa = sa.DeepCopy()
	for _, key := range []string{m.keys.role, m.keys.audience, m.keys.regional, m.keys.expiration} {
		delete(sa.Annotations, key)
	}
	if sa.Annotations == nil && annotations != nil {
		sa.Annotations = map[string]string{}
	}
	maps.Copy(sa.Annotations, annotations)
	return sa, nil
}

// ApplyPatch returns the server-side apply patch (JSON, for a PATCH of content type
// application/apply-patch+yaml) that gives the account its annotations and creates it where
// it does not exist. Settings that an earlier patch of the same field manager had and this
// one has not are removed by the API server.
func (m *Mutator) ApplyPatch(account Target, id Identity) ([]byte, error) {
	for _, err := range []error{
		kubename.CheckNamespace(account.Namespace), kubename.CheckServiceAccount(account.ServiceAccount),
	} {
		if err != nil {
			return nil, fmt.Errorf("mutate: apply patch: %w", err)
		}
	}
	annotations, err := m.annotationsFor(id)
	if err != nil {
		return nil, fmt.Errorf("mutate: apply patch: service account %q: %w", account, err)
	}
	type metadata struct {
		Namespace   string            `json:"namespace"`
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	}
	return json.Marshal(struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
	}{"v1", "ServiceAccount", metadata{account.Namespace, account.ServiceAccount, annotations}})
}
