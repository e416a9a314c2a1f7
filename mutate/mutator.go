package mutate

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/partition"
)

// Mutator plans patches for one [Config]. Make it with [New]. It is immutable and safe for
// concurrent use.
type Mutator struct {
	cfg      Config // resolved
	rules    []rule // the most specific first
	accounts map[Target]bool
	// keys are the annotations' whole keys, put together once.
	keys struct {
		role, audience, regional, expiration, skip, byRule string
		choices                                            [choiceCount]string
	}
	// partition is the partition of the region; "" without one.
	partition string
	methods   [2]methodSettings // by Method
	env       [envAdded][]byte  // JSON of each variable whose value is fixed
	scanners  *sync.Pool        // of *scanner
	// last is the identity that was checked last: most pods of a cluster come in groups.
	last atomic.Pointer[checkedIdentity]
}

// methodSettings is what a method's variables, volume and mount look like.
type methodSettings struct {
	headVar, fileVar envVar // of the identity: the role or the endpoint, and the token's file
	pair             envSet // the two together
	volumeName       string
	fileName         string // of the token in the volume
	mountPath        string
	segment          []byte // the longest of the mount path's
	audience         string
	volume           volumeTemplate
	mount            []byte    // JSON
	tokenFile        [2][]byte // JSON of the variable that names the token's file: else, Windows
}

var errNoMutator = errors.New("the Mutator was not made by New")

// New checks c and makes a Mutator. The error joins everything wrong with c.
func New(c Config) (*Mutator, error) {
	resolved, err := c.Resolved()
	if err != nil {
		return nil, err
	}
	m := &Mutator{cfg: resolved, rules: sortedRules(c.Defaults), accounts: map[Target]bool{}}
	for _, t := range c.PodIdentityAccounts {
		m.accounts[t] = true
	}
	m.cfg.Defaults, m.cfg.PodIdentityAccounts = nil, nil // the caller's slices
	m.keys.role = resolved.AnnotationKey(AnnotationRoleARN)
	m.keys.audience = resolved.AnnotationKey(AnnotationAudience)
	m.keys.regional = resolved.AnnotationKey(AnnotationRegionalSTS)
	m.keys.expiration = resolved.AnnotationKey(AnnotationTokenExpiration)
	m.keys.byRule = resolved.AnnotationKey(LabelRoleByRule)
	m.keys.skip = resolved.AnnotationKey(AnnotationSkipContainers)
	for k, name := range choiceAnnotations {
		m.keys.choices[k] = resolved.AnnotationKey(name)
	}
	if p, ok := partition.ByRegion(resolved.Region); ok {
		m.partition = p.Name
	}
	m.methods[WebIdentity] = newMethodSettings(methodSettings{
		headVar: envRoleARN, fileVar: envTokenFile, volumeName: VolumeName, fileName: TokenFileName,
		mountPath: resolved.MountPath, audience: resolved.Audience,
	})
	m.methods[PodIdentity] = newMethodSettings(methodSettings{
		headVar: envCredentialsURI, fileVar: envCredentialsAuth,
		volumeName: PodIdentityVolumeName, fileName: PodIdentityTokenFileName,
		mountPath: resolved.PodIdentityMountPath, audience: PodIdentityAudience,
	})
	m.env = fixedEnv(resolved)
	m.scanners = &sync.Pool{New: func() any { return &scanner{Scanner: jsonscan.New()} }}
	return m, nil
}

// Pod plans the patch for a decoded pod. The patch applies to the pod's JSON as
// [encoding/json] writes it. The pod is not changed. A zero id, or a mirror pod, gives a
// zero Result.
//
// It fails for an id that cannot be injected, and under [RefuseAllBad] for a pod with bad
// annotations.
func (m *Mutator) Pod(pod *corev1.Pod, id Identity) (Result, error) {
	if m == nil || m.scanners == nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", errNoMutator)
	}
	if id.IsZero() && pod != nil {
		return Result{}, nil
	}
	doc, err := marshalPod(pod)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: pod: it %w", err)
	}
	return m.RawPod(doc, id)
}

// marshalPod writes what matters of a pod.
func marshalPod(pod *corev1.Pod) ([]byte, error) {
	if pod == nil {
		return nil, errors.New("is nil")
	}
	doc, err := json.Marshal(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: pod.Name, GenerateName: pod.GenerateName, Labels: pod.Labels, Annotations: pod.Annotations,
	}, Spec: pod.Spec})
	if err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return doc, nil
}

// RawPod plans the patch for a pod's JSON, such as AdmissionRequest.Object.Raw, reading it
// once and only as deep as it must. The patch applies to those bytes. A zero id gives a zero
// Result without reading the pod; a mirror pod gives one too.
//
// It fails as [Mutator.Pod] does, with a [*SyntaxError] for what is not JSON (RFC 8259), has
// duplicate names or invalid UTF-8, or is not a pod where it was read, and with [ErrTooLarge]
// for more than 9 MiB.
func (m *Mutator) RawPod(pod []byte, id Identity) (Result, error) {
	if m == nil || m.scanners == nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", errNoMutator)
	}
	if id.IsZero() {
		return Result{}, nil
	}
	s := m.scanner()
	defer m.release(s)
	s.view.noLabels = id.Method != PodIdentity
	err := s.scan(pod)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", err)
	}
	r, err := m.plan(&s.view, id)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", err)
	}
	return r, nil
}
