package google_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
			const want = "the Mutator was not made by New"
			_, err := m.Identity(account(nil))
			require.ErrorContains(t, err, want)
			_, err = m.Pod(&corev1.Pod{}, id)
			require.ErrorContains(t, err, want)
			_, err = m.RawPod([]byte(`{}`), id)
			require.ErrorContains(t, err, want)
			_, err = m.PoolProvider("https://issuer.example", id)
			require.ErrorContains(t, err, want)
			assert.False(t, m.Review(request(plain), id).Allowed)
		}
	}
	m := newMutator(t, google.Config{})
	_, err := m.Identity(nil)
	require.ErrorContains(t, err, "service account: it is nil")
	_, err = m.Pod(nil, direct)
	require.ErrorContains(t, err, "pod: it is nil")
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
		"another, and all skipped":  {`{"metadata":{"annotations":{"cloud.google.com/external-credentials-json":"{}","cloud.google.com/skip-containers":"a"}},"spec":{"containers":[{"name":"a"}]}}`, false, nil},
		"an empty one":              {`{"metadata":{"annotations":{"cloud.google.com/external-credentials-json":""}},"spec":{"containers":[{"name":"a"}]}}`, false, []mutate.Code{mutate.CodeForeignAnnotation}},
		"no container at all":       {`{"spec":{}}`, false, nil},
		"a mirror pod":              {`{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"a"}]}}`, false, nil},
		"pfnet's volume":            {`{"spec":{"volumes":[{"name":"gcp-iam-token","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}],"containers":[{"name":"a"}]}}`, false, []mutate.Code{mutate.CodeForeignVolume}},
		"an empty variable":         {`{"spec":{"containers":[{"name":"a","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS"}]}]}}`, false, []mutate.Code{mutate.CodeEmptyIdentity}},
		"an empty one after ours":   {`{"spec":{"containers":[{"name":"a","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS","value":"` + directory + `/federation.json"},{"name":"GOOGLE_APPLICATION_CREDENTIALS"}]}]}}`, false, []mutate.Code{mutate.CodeEmptyIdentity}},
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

func account(annotations map[string]string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "sa", Annotations: annotations}}
}

func TestAnotherUniverseHasItsOwnServices(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{UniverseDomain: "sovereign.example"})
	for name, c := range map[string]struct {
		id   google.Identity
		want string
	}{
		"direct":        {direct, `"token_info_url":"https://sts.sovereign.example/v1/introspect"`},
		"impersonating": {impersonating, `"service_account_impersonation_url":"https://iamcredentials.sovereign.example/v1/projects/-/serviceAccounts/` + email + `:generateAccessToken"`},
	} {
		_, patched, err := mutatePod(t, m, []byte(plain), c.id)
		require.NoError(t, err)
		pod := patchlaws.Decode(t, patched)
		assert.Equal(t, `{"universe_domain":"sovereign.example","type":"external_account","audience":"//iam.googleapis.com/`+provider+
			`","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.sovereign.example/v1/token",`+c.want+
			`,"credential_source":{"file":"`+directory+`/token","format":{"type":"text"}}}`, pod.Annotations[google.AnnotationCredentials], name)
		for _, variable := range []string{"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "CLOUDSDK_CORE_UNIVERSE_DOMAIN"} {
			assert.Contains(t, pod.Spec.Containers[0].Env, corev1.EnvVar{Name: variable, Value: "sovereign.example"})
		}
	}
	for _, domain := range []string{"a/b", "https://a", "a b", "-"} {
		_, err := google.New(google.Config{UniverseDomain: domain})
		assert.ErrorContains(t, err, "google: config: UniverseDomain: ", domain)
	}
}
