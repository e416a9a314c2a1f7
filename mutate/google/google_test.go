package google_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/google"
)

const (
	provider = "projects/482910375566/locations/global/workloadIdentityPools/clusters/providers/prod-eu"
	email    = "reader@data-prod.iam.gserviceaccount.com"
	plain    = `{"spec":{"containers":[{"name":"a"}]}}`
)

var (
	direct        = google.Identity{Provider: provider}
	impersonating = google.Identity{Provider: provider, ServiceAccountEmail: email}
)

func TestDirectAccessNeedsNoServiceAccount(t *testing.T) {
	t.Parallel()
	r, patched, err := mutatePod(t, newMutator(t, google.Config{}), []byte(plain), direct)
	require.NoError(t, err)
	assert.True(t, r.Complete())
	pod := patchlaws.Decode(t, patched)
	assert.Equal(t, `{"type":"external_account","audience":"//iam.googleapis.com/`+provider+
		`","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token",`+
		`"token_info_url":"https://sts.googleapis.com/v1/introspect","credential_source":{"file":"`+directory+
		`/token","format":{"type":"text"}}}`, pod.Annotations[google.AnnotationCredentials])
	require.Len(t, pod.Spec.Volumes, 1)
	projected := pod.Spec.Volumes[0].Projected
	assert.Nil(t, projected.DefaultMode)
	require.Len(t, projected.Sources, 2)
	token := projected.Sources[0].ServiceAccountToken
	assert.Equal(t, "https://iam.googleapis.com/"+provider, token.Audience)
	assert.Equal(t, int64(86400), *token.ExpirationSeconds)
	assert.Equal(t, "metadata.annotations['cloud.google.com/external-credentials-json']", projected.Sources[1].DownwardAPI.Items[0].FieldRef.FieldPath)
	assert.Equal(t, []corev1.VolumeMount{{Name: "gcp-iam-token", ReadOnly: true, MountPath: directory}}, pod.Spec.Containers[0].VolumeMounts)
	assert.Equal(t, []corev1.EnvVar{
		{Name: "GOOGLE_APPLICATION_CREDENTIALS", Value: directory + "/federation.json"},
		{Name: override, Value: directory + "/federation.json"},
	}, pod.Spec.Containers[0].Env)
}

func TestTheConfigurationIsJSONThatClientLibrariesRead(t *testing.T) {
	t.Parallel()
	_, patched, err := mutatePod(t, newMutator(t, google.Config{}), []byte(plain), impersonating)
	require.NoError(t, err)
	var c map[string]any
	require.NoError(t, json.Unmarshal([]byte(patchlaws.Decode(t, patched).Annotations[google.AnnotationCredentials]), &c))
	assert.Equal(t, "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"+email+":generateAccessToken", c["service_account_impersonation_url"])
	assert.NotContains(t, c, "token_info_url")
}

func TestVariablesOfGcloud(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  google.Config
		id   google.Identity
		want map[string]string
	}{
		"from the address":         {google.Config{}, impersonating, map[string]string{"CLOUDSDK_CORE_PROJECT": "data-prod"}},
		"another kind of account":  {google.Config{}, google.Identity{Provider: provider, ServiceAccountEmail: "482910375566-compute@developer.gserviceaccount.com"}, nil},
		"a domain-scoped project":  {google.Config{}, google.Identity{Provider: provider, ServiceAccountEmail: "x@p.example.com.iam.gserviceaccount.com"}, nil},
		"no domain of Google's":    {google.Config{}, google.Identity{Provider: provider, ServiceAccountEmail: "x@p.iam.gserviceaccount.com.evil"}, nil},
		"given for the cluster":    {google.Config{Project: "p", ComputeRegion: "europe-west4"}, impersonating, map[string]string{"CLOUDSDK_CORE_PROJECT": "p", "GOOGLE_CLOUD_PROJECT": "p", "CLOUDSDK_COMPUTE_REGION": "europe-west4"}},
		"neither account nor name": {google.Config{}, direct, nil},
	} {
		_, patched, err := mutatePod(t, newMutator(t, c.cfg), []byte(plain), c.id)
		require.NoError(t, err)
		got := map[string]string{}
		for _, e := range patchlaws.Decode(t, patched).Spec.Containers[0].Env {
			got[e.Name] = e.Value
		}
		delete(got, "GOOGLE_APPLICATION_CREDENTIALS")
		delete(got, override)
		if c.want == nil {
			c.want = map[string]string{}
		}
		assert.Equal(t, c.want, got, name)
	}
}

func TestAnAccountsAnnotationsBecomeItsIdentity(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	for _, c := range []struct {
		annotations map[string]string
		want        google.Identity
	}{
		{nil, google.Identity{}},
		{map[string]string{google.AnnotationAudience: "x", google.AnnotationTokenExpiration: "no"}, google.Identity{}},
		{map[string]string{google.AnnotationProvider: provider}, direct},
		{map[string]string{google.AnnotationProvider: provider, google.AnnotationEmail: email}, impersonating},
		{map[string]string{google.AnnotationProvider: provider, google.AnnotationInjectionMode: "GCloud"}, direct},
		{map[string]string{google.AnnotationProvider: provider, google.AnnotationInjectionMode: "direct"}, direct},
		{map[string]string{google.AnnotationProvider: provider, google.AnnotationAudience: "a", google.AnnotationTokenExpiration: "7200"}, google.Identity{Provider: provider, Audience: "a", TokenExpiration: 2 * time.Hour}},
		{map[string]string{google.AnnotationProvider: provider, google.AnnotationTokenExpiration: "1"}, google.Identity{Provider: provider, TokenExpiration: time.Hour}},
	} {
		id, err := m.Identity(account(c.annotations))
		require.NoError(t, err)
		assert.Equal(t, c.want, id)
	}
}

func TestABadAnnotationOfAnAccountIsNamed(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	for key, values := range map[string][]string{
		google.AnnotationProvider: {
			"", "x", "/" + provider, provider + "/", provider + "/x", strings.Replace(provider, "global", "", 1),
			strings.Replace(provider, "global", "..", 1), "//iam.googleapis.com/" + provider, strings.Replace(provider, "clusters", "a b", 1),
			strings.Replace(provider, "providers", "Providers", 1),
		},
		google.AnnotationEmail:                {"x", "@", "x@", "@y", "a@b@c", "a/../b@c", "a@b/c", "a b@c"},
		google.AnnotationAudience:             {"\x00", "\u202e"},
		google.AnnotationTokenExpiration:      {"", "1h", "-1", "4294967297", "99999999999999999999"},
		google.AnnotationInjectionMode:        {"sidecar", " direct"},
		"cloud.google.com/gcloud-run-as-user": {"", "root"},
	} {
		for _, value := range values {
			annotations := map[string]string{google.AnnotationProvider: provider, google.AnnotationEmail: email}
			annotations[key] = value
			id, err := m.Identity(account(annotations))
			require.ErrorIs(t, err, mutate.ErrBadAnnotation, "%s %q", key, value)
			assert.ErrorContains(t, err, `google: service account "ns/sa"`)
			assert.ErrorContains(t, err, key)
			assert.Zero(t, id)
		}
	}
}

func TestWhatCannotBeUsedGivesAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	var none *google.Mutator
	for _, m := range []*google.Mutator{none, {}} {
		for _, id := range []google.Identity{{}, direct} {
			_, err := m.Identity(account(nil))
			require.Error(t, err)
			_, err = m.Pod(&corev1.Pod{}, id)
			require.Error(t, err)
			_, err = m.RawPod([]byte(`{}`), id)
			require.Error(t, err)
			_, err = m.PoolProvider("https://issuer.example", id)
			require.Error(t, err)
			assert.False(t, m.Review(request(plain), id).Allowed)
		}
	}
	m := newMutator(t, google.Config{})
	_, err := m.Identity(nil)
	require.Error(t, err)
	_, err = m.Pod(nil, direct)
	require.Error(t, err)
	assert.False(t, m.Review(nil, direct).Allowed)
	for _, id := range []google.Identity{
		{ServiceAccountEmail: email}, {Provider: "x"}, {Provider: provider, ServiceAccountEmail: "x"}, {Provider: provider, Audience: "\xff"},
		{Provider: provider, TokenExpiration: -time.Hour}, {Provider: provider, TokenExpiration: time.Hour + 1}, {Provider: provider, TokenExpiration: (1<<32 + 1) * time.Second},
	} {
		r, err := m.RawPod([]byte(plain), id)
		require.ErrorContains(t, err, "google: pod: identity: ")
		assert.Zero(t, r)
	}
	for _, c := range []google.Config{{Audience: "\x00"}, {DefaultMode: 0o1000}, {DefaultMode: -1}, {Project: "$(X)"}, {ComputeRegion: "a b"}} {
		m, err := google.New(c)
		require.ErrorContains(t, err, "google: config: ")
		assert.Nil(t, m)
	}
}

func TestThePodsExpirationWins(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	pod := func(value string) []byte {
		return []byte(`{"metadata":{"annotations":{"cloud.google.com/token-expiration":"` + value + `"}},"spec":{"containers":[{"name":"a"}]}}`)
	}
	for value, want := range map[string]int64{"43200": 43200, "600": 3600, "0": 3600, "4294967296": 1 << 32} {
		r, patched, err := mutatePod(t, m, pod(value), direct)
		require.NoError(t, err)
		assert.Equal(t, want, *patchlaws.Decode(t, patched).Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.ExpirationSeconds)
		assert.Equal(t, want == 3600, len(r.Warnings) == 1, r.Warnings)
	}
	for _, value := range []string{"", "1h", "-1", "4294967297"} {
		_, _, err := mutatePod(t, m, pod(value), direct)
		require.ErrorIs(t, err, mutate.ErrBadAnnotation, value)
	}
}

func TestTheAnnotationIsAddedOnceAndOnlyWhereItIsUsed(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	own := `"env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS","value":"/own/key.json"}]`
	for name, c := range map[string]struct {
		pod     string
		changed bool
		codes   []mutate.Code
	}{
		"no metadata":               {plain, true, nil},
		"null metadata":             {`{"metadata":null,"spec":{"containers":[{"name":"a"}]}}`, true, nil},
		"null annotations":          {`{"metadata":{"annotations":null},"spec":{"containers":[{"name":"a"}]}}`, true, nil},
		"an identity of its own":    {`{"spec":{"containers":[{"name":"a",` + own + `}]}}`, false, nil},
		"one of two has its own":    {`{"spec":{"containers":[{"name":"a",` + own + `},{"name":"b"}]}}`, true, nil},
		"another configuration":     {`{"metadata":{"annotations":{"cloud.google.com/external-credentials-json":"{}"}},"spec":{"containers":[{"name":"a"}]}}`, false, []mutate.Code{mutate.CodeForeignAnnotation}},
		"an empty one":              {`{"metadata":{"annotations":{"cloud.google.com/external-credentials-json":""}},"spec":{"containers":[{"name":"a"}]}}`, false, []mutate.Code{mutate.CodeForeignAnnotation}},
		"no container at all":       {`{"spec":{}}`, false, nil},
		"a mirror pod":              {`{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"a"}]}}`, false, nil},
		"pfnet's volume":            {`{"spec":{"volumes":[{"name":"gcp-iam-token","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}],"containers":[{"name":"a"}]}}`, false, []mutate.Code{mutate.CodeForeignVolume}},
		"an empty variable":         {`{"spec":{"containers":[{"name":"a","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS"}]}]}}`, false, []mutate.Code{mutate.CodeEmptyIdentity}},
		"our variable, not mounted": {`{"spec":{"containers":[{"name":"a","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS","value":"` + directory + `/federation.json"}]}]}}`, true, nil},
		"a mount on the token":      {`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"` + directory + `/token"}]}]}}`, false, []mutate.Code{mutate.CodeForeignMount}},
		"a mount on the other file": {`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"` + directory + `/federation.json"}]}]}}`, false, []mutate.Code{mutate.CodeForeignMount}},
		"a mount beside the files":  {`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"` + directory + `/other"}]}]}}`, true, nil},
	} {
		r, patched, err := mutatePod(t, m, []byte(c.pod), direct)
		require.NoError(t, err, name)
		assert.Equal(t, c.changed, r.Changed(), name)
		assert.Equal(t, c.changed, strings.Count(string(patched), `"cloud.google.com/external-credentials-json":"{\"type\"`) == 1, name)
		var codes []mutate.Code
		for _, w := range r.Warnings {
			codes = append(codes, w.Code)
		}
		assert.Equal(t, c.codes, codes, name)
		assert.Equal(t, len(codes) == 0 && name != "a mirror pod", r.Complete(), name)
	}
}

func TestAnEphemeralContainerNeedsTheAnnotationToo(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	r, err := m.RawPod([]byte(plain), direct)
	require.NoError(t, err)
	mutated := string(patchlaws.Apply(t, []byte(plain), r))
	for old, patched := range map[string]bool{mutated: true, strings.Replace(mutated, "/external-credentials-json\":", "/x\":", 1): false, plain: false} {
		req := request(strings.Replace(old, `"containers"`, `"ephemeralContainers":[{"name":"d"}],"containers"`, 1))
		req.Operation, req.SubResource, req.OldObject.Raw = admissionv1.Update, "ephemeralcontainers", []byte(old)
		resp := m.Review(req, direct)
		require.True(t, resp.Allowed)
		assert.Equal(t, patched, resp.Patch != nil)
		assert.Equal(t, patched, len(resp.Warnings) == 0)
		assert.NotContains(t, string(resp.Patch), `"path":"/metadata`)
	}
}

func TestAReviewAnswersForPodsAlone(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	resp := m.Review(request(plain), direct)
	require.True(t, resp.Allowed)
	r, err := m.RawPod([]byte(plain), direct)
	require.NoError(t, err)
	assert.Equal(t, string(r.PatchJSON()), string(resp.Patch))
	assert.Nil(t, m.Review(request(plain), google.Identity{}).Patch)
	assert.Equal(t, int32(400), m.Review(request(`[]`), direct).Result.Code)
}

func TestWhatGoogleMustKnowOfACluster(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	got, err := m.PoolProvider("https://oidc.example.com/cluster-1/", direct)
	require.NoError(t, err)
	assert.Equal(t, google.OIDCSettings{IssuerURI: "https://oidc.example.com/cluster-1/", AllowedAudiences: []string{"https://iam.googleapis.com/" + provider}}, got.OIDC)
	other := direct
	other.Audience = "sts.googleapis.com"
	got, err = m.PoolProvider("https://oidc.example.com", other)
	require.NoError(t, err)
	assert.Equal(t, []string{"sts.googleapis.com"}, got.OIDC.AllowedAudiences)
	for _, bad := range []struct {
		issuer string
		id     google.Identity
	}{{"http://x", direct}, {"https://x", google.Identity{}}} {
		got, err := m.PoolProvider(bad.issuer, bad.id)
		require.Error(t, err)
		assert.Zero(t, got)
	}
	reader := mutate.Target{Namespace: "team-a", ServiceAccount: "reader"}
	principal, err := direct.Principal(reader)
	require.NoError(t, err)
	assert.Equal(t, "principal://iam.googleapis.com/projects/482910375566/locations/global/workloadIdentityPools/clusters/subject/system:serviceaccount:team-a:reader", principal)
	for _, t2 := range []mutate.Target{{}, {Namespace: "a", ServiceAccount: "*"}, {Namespace: "a", ServiceAccount: strings.Repeat("b", 104)}} {
		principal, err := direct.Principal(t2)
		require.Error(t, err)
		assert.Empty(t, principal)
	}
	_, err = direct.Principal(mutate.Target{Namespace: "a", ServiceAccount: strings.Repeat("b", 103)})
	require.NoError(t, err, "127 bytes are the most")
	_, err = google.Identity{}.Principal(reader)
	require.Error(t, err)
}

func TestAReviewForAnAccountRefusesABadOneForItsOwnPodsAlone(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	good, bad := account(map[string]string{google.AnnotationProvider: provider}), account(map[string]string{google.AnnotationProvider: "x"})
	r := m.ReviewAccount(request(plain), good)
	assert.True(t, r.Response.Allowed)
	assert.True(t, r.Result.Changed())
	assert.Equal(t, string(r.Result.PatchJSON()), string(r.Response.Patch))
	r = m.ReviewAccount(request(plain), bad)
	assert.False(t, r.Response.Allowed)
	require.ErrorIs(t, r.Err, mutate.ErrBadAnnotation)
	for _, sa := range []*corev1.ServiceAccount{good, bad} {
		r = m.ReviewAccount(request(`{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"a"}]}}`), sa)
		assert.True(t, r.Response.Allowed)
		assert.False(t, r.Result.Changed())
	}
	assert.False(t, m.ReviewAccount(request(`[]`), bad).Response.Allowed)
	assert.False(t, m.ReviewAccount(nil, bad).Response.Allowed)
	var none *google.Mutator
	assert.False(t, none.ReviewAccount(request(plain), good).Response.Allowed)
	other := request(plain)
	other.Operation = admissionv1.Delete
	assert.True(t, m.ReviewAccount(other, bad).Response.Allowed)
}

func account(annotations map[string]string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "sa", Annotations: annotations}}
}

func request(pod string) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID: "u", Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, Namespace: "ns",
		Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(pod)},
	}
}

func FuzzRawPod(f *testing.F) {
	for _, pod := range []string{
		plain, `{"metadata":{"annotations":{"cloud.google.com/skip-containers":"a, b","cloud.google.com/token-expiration":"600"}},"spec":{"containers":[{"name":"a"},{"name":"c"}]}}`,
		`{"metadata":{"annotations":null},"spec":{"volumes":null,"containers":[{"name":"a","env":null,"volumeMounts":null}],"initContainers":[{"name":"b","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS","value":"/x"}]}]}}`,
		`{"metadata":{"annotations":{"cloud.google.com/external-credentials-json":"x"}},"spec":{"containers":[{"name":"a"}]}}`,
		`{"spec":{"volumes":[{"name":"gcp-iam-token","projected":{"sources":[{"serviceAccountToken":{"path":"token"}},{"downwardAPI":{"items":[{"path":"federation.json","fieldRef":{"fieldPath":"metadata.annotations['cloud.google.com/external-credentials-json']"}}]}}]}}],"containers":[{"name":"a","volumeMounts":[{"name":"gcp-iam-token","mountPath":"/x"}]}]}}`,
		`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/run/secrets/sts.googleapis.com/serviceaccount"}]}],"future":1e400}}`, `null`, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(pod), true)
		f.Add([]byte(pod), false)
	}
	m := newMutator(f, google.Config{ComputeRegion: "europe-west4"})
	f.Fuzz(func(t *testing.T, pod []byte, impersonate bool) {
		id := direct
		if impersonate {
			id = impersonating
		}
		patchlaws.Check(t, pod, func(pod []byte) (mutate.Result, error) { return m.RawPod(pod, id) })
	})
}

func TestTheLawsHoldForManyShapes(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	_, patched, err := mutatePod(t, m, []byte(plain), direct)
	require.NoError(t, err)
	credentials, err := json.Marshal(patchlaws.Decode(t, patched).Annotations[google.AnnotationCredentials])
	require.NoError(t, err)
	outcomes := map[mutate.Outcome]int{}
	patchlaws.Shapes(600, patchlaws.Words{
		Labels: []string{`{}`},
		Annotations: []string{
			`"cloud.google.com/external-credentials-json":` + string(credentials), `"cloud.google.com\/skip-containers":"b, c"`,
			`"cloud.google.com/token-expiration":"600"`, `"other":"x"`,
		},
		EnvNames:     []string{`"GOOGLE_APPLICATION_CREDENTIALS"`, `"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"`, `"X"`},
		EnvValues:    []string{`"/own"`, `""`, `"` + directory + `/federation.json"`, `"$(X)"`},
		VolumeNames:  []string{`"gcp-iam-token"`, `"gcp-iam-token-2"`, `"v"`},
		Paths:        []string{`"` + directory + `"`, `"` + directory + `/token"`, `"/run/secrets/sts.googleapis.com/serviceaccount"`, `"/x"`, `"/var/run"`},
		TokenPaths:   []string{`"token"`, `"token"`, `"x"`},
		Audiences:    []string{`"https://iam.googleapis.com/` + provider + `"`, `"sts.googleapis.com"`},
		OtherSources: []string{`"downwardAPI":{"items":[{"path":"federation.json","fieldRef":{"fieldPath":"metadata.annotations['cloud.google.com/external-credentials-json']"}}]}`},
	}, func(pod string) {
		r, _, err := mutatePod(t, m, []byte(pod), direct)
		require.NoError(t, err)
		for _, c := range r.Containers {
			outcomes[c.Outcome]++
		}
	})
	for _, o := range []mutate.Outcome{mutate.Skipped, mutate.Injected, mutate.Conflict} {
		assert.Greater(t, outcomes[o], 20, "%v: the shapes reach it", o)
	}
}
