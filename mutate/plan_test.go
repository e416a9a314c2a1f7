package mutate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

func TestTheDefaultExpirationOfPodIdentityIsSpreadByTheSeed(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	expiration := func(r mutate.Result) (seconds int64) {
		for _, op := range r.Operations() {
			if op.Path == "/spec/volumes/0" {
				doc, err := json.Marshal(op.Value)
				require.NoError(t, err)
				var v struct {
					Projected struct {
						Sources []struct {
							ServiceAccountToken struct{ ExpirationSeconds int64 }
						}
					}
				}
				require.NoError(t, json.Unmarshal(doc, &v))
				return v.Projected.Sources[0].ServiceAccountToken.ExpirationSeconds
			}
		}
		return 0
	}
	plan := func(id mutate.Identity, pod string) int64 {
		r, err := m.RawPod([]byte(pod), id)
		require.NoError(t, err)
		return expiration(r)
	}
	id := mutate.Identity{Method: mutate.PodIdentity}
	assert.EqualValues(t, 86400, plan(id, simplePod), "without a seed")
	seen := map[int64]bool{}
	var least, most int64 = 1 << 40, 0
	for i := range 4000 {
		id.Seed = strings.Repeat("u", i%7) + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		s := plan(id, simplePod)
		assert.Equal(t, s, plan(id, simplePod), "the same seed")
		seen[s], least, most = true, min(least, s), max(most, s)
	}
	assert.GreaterOrEqual(t, least, int64(79200))
	assert.LessOrEqual(t, most, int64(86400))
	assert.Less(t, least, int64(79300))
	assert.Greater(t, most, int64(86300))
	assert.Greater(t, len(seen), 1500)

	annotated := `{"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"86400"}},"spec":{"containers":[{"name":"a"}]}}`
	assert.EqualValues(t, 86400, plan(id, annotated), "what the author asks for is not spread")

	// Another invocation has another UID: what is there is not wrong.
	first, err := m.RawPod([]byte(simplePod), id)
	require.NoError(t, err)
	id.Seed = "another"
	second, err := m.RawPod(apply(t, []byte(simplePod), first), id)
	require.NoError(t, err)
	assert.False(t, second.Changed())
	assert.Empty(t, second.Warnings)
}

func TestALateSidecarIsTheOnlyThingPatched(t *testing.T) {
	t.Parallel()
	m, id := newMutator(t, mutate.EKS("eu-central-1")), mutate.Identity{RoleARN: role, RegionalSTS: true}
	first, err := m.RawPod([]byte(simplePod), id)
	require.NoError(t, err)
	patched := apply(t, []byte(simplePod), first)
	withSidecar := strings.Replace(string(patched), `"containers":[`, `"initContainers":[{"name":"late","restartPolicy":"Always"}],"containers":[`, 1)
	second, err := m.RawPod([]byte(withSidecar), id)
	require.NoError(t, err)
	require.True(t, second.Changed())
	for _, op := range second.Operations() {
		assert.True(t, strings.HasPrefix(op.Path, "/spec/initContainers/0/"), op.Path)
		assert.Equal(t, "add", op.Operation)
	}
}

func TestAnExpirationThatDiffersIsToldUnlessItIsOneOfTheSpread(t *testing.T) {
	t.Parallel()
	spread := mutate.Identity{Method: mutate.PodIdentity, Seed: "x"}
	hour := mutate.Identity{Method: mutate.PodIdentity, Seed: "x", TokenExpiration: time.Hour}
	const annotated = `"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"3600"}},`
	for name, c := range map[string]struct {
		id       mutate.Identity
		metadata string
		seconds  string
		told     bool
	}{
		"the default, and one of its spread":               {spread, ``, "80000", false},
		"the default, and another":                         {spread, ``, "3600", true},
		"one that is asked for, and one of the spread":     {hour, ``, "80000", true},
		"one that the pod asks for, and one of the spread": {spread, annotated, "80000", true},
	} {
		r, err := newMutator(t, mutate.Config{}).RawPod([]byte(`{`+c.metadata+`"spec":{"volumes":[{"name":"eks-pod-identity-token","projected":{"sources":[{"serviceAccountToken":{`+
			`"audience":"pods.eks.amazonaws.com","expirationSeconds":`+c.seconds+`,"path":"eks-pod-identity-token"}}]}}],"containers":[{"name":"a"}]}}`), c.id)
		require.NoError(t, err)
		assert.Equal(t, c.told, warned(r, mutate.CodeVolumeDiffers), "%s: %v", name, r.Warnings)
	}
}

func warned(r mutate.Result, code mutate.Code) bool {
	return slices.ContainsFunc(r.Warnings, func(w mutate.Warning) bool { return w.Code == code })
}

func TestWhatAContainerHasBesideItsIdentityIsToldWhereItMatters(t *testing.T) {
	t.Parallel()
	const (
		own    = `{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own"},`
		secret = `{"name":"AWS_SECRET_ACCESS_KEY","value":"x"},`
		agent  = `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/x"},`
	)
	for name, c := range map[string]struct{ env, want string }{
		"a pair of keys":              {secret + `{"name":"AWS_ACCESS_KEY_ID","value":"x"}`, "which AWS SDKs prefer to the injected identity"},
		"keys that may not be there":  {secret + `{"name":"AWS_ACCESS_KEY_ID","valueFrom":{"secretKeyRef":{"name":"s","key":"k","optional":true}}}`, "prefer to the injected identity, if what it refers to is there"},
		"one of a pair":               {`{"name":"AWS_ACCESS_KEY_ID","value":"x"}`, "sets only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which some AWS SDKs take as an error"},
		"keys beside one's own":       {own + secret + `{"name":"AWS_ACCESS_KEY_ID","value":"x"}`, ""},
		"an agent, which comes after": {agent + `{"name":"X","value":"x"}`, ""},
	} {
		r, err := newMutator(t, mutate.Config{}).RawPod([]byte(`{"spec":{"containers":[{"name":"a","env":[`+c.env+`]}]}}`), mutate.Identity{RoleARN: role})
		require.NoError(t, err)
		if c.want == "" {
			assert.False(t, warned(r, mutate.CodeStaticCredentials) || warned(r, mutate.CodeShadowed), "%s: %v", name, r.Warnings)
			continue
		}
		require.Len(t, r.Warnings, 1, name)
		assert.Regexp(t, c.want+"$", r.Warnings[0].Message, name)
	}
}

func TestSkippedContainersAloneBringNothingThatIsInTheWay(t *testing.T) {
	t.Parallel()
	r, err := newMutator(t, mutate.Config{}).RawPod([]byte(`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"a"}},"spec":{
		"volumes":[{"name":"eks-pod-identity-token","emptyDir":{}}],"containers":[{"name":"a"}]}}`), mutate.Identity{Method: mutate.PodIdentity})
	require.NoError(t, err)
	assert.False(t, r.Changed(), "not even the label")
}

// Where an image links /var/run to /run, the mount with more segments in its path is made later, and hides
// what is at the other name.
func TestAMountAtAnotherNameOfThePathMayHideTheToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mountPath, theirs string
		complete          bool
	}{
		{"/run/secrets/token", "/var/run/secrets/token", false},
		{"/var/run/secrets/token", "/run/secrets/token", true},
		{"/run/secrets/token", "/var/run/secrets/other", true},
		{"/var/run/aws", "/run/aws/token", false},
		{"/var/run", "/run/token", false},
	} {
		m := newMutator(t, mutate.Config{MountPath: c.mountPath})
		r, err := m.RawPod([]byte(`{"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"`+c.theirs+`"}]}]}}`), mutate.Identity{RoleARN: role})
		require.NoError(t, err)
		assert.Equal(t, c.complete, r.Complete(), "%s: %v", c.mountPath, r.Incomplete())
	}
}
