package azure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
)

const (
	tenant   = "6d7e8f90-1111-4222-8333-944445555666"
	clientID = "3f2b8c1a-5d0e-4b7a-9c11-0a1b2c3d4e5f"
	chosen   = `"labels":{"azure.workload.identity/use":"true"}`
)

var reader = azure.Identity{ClientID: clientID}

func TestAConfigThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	binding := azure.IdentityBinding{TokenProxy: "https://proxy"}
	for want, change := range map[string]func(*azure.Config){
		"TenantID: it is required": func(c *azure.Config) { c.TenantID = "" },
		"TenantID: want letters":   func(c *azure.Config) { c.TenantID = "$(SECRET)" },
		"Cloud":                    func(c *azure.Config) { c.Cloud = 9 },
		"Layout":                   func(c *azure.Config) { c.Layout = 9 },
		"Audience":                 func(c *azure.Config) { c.Audience = "\x00" },
		"TokenProxy must be":       func(c *azure.Config) { c.IdentityBinding = azure.IdentityBinding{SNIName: "x"} },
		"CAData \"a$$b\" must": func(c *azure.Config) {
			c.IdentityBinding = binding
			c.IdentityBinding.CAData = "a$$b"
		},
		"LayoutV1_5 does not have identity bindings": func(c *azure.Config) { c.Layout, c.IdentityBinding = azure.LayoutV1_5, binding },
		"must differ": func(c *azure.Config) {
			c.IdentityBinding = binding
			c.IdentityBinding.Audience = "api://AzureADTokenExchange"
		},
		"at most one": func(c *azure.Config) {
			c.IdentityBinding = binding
			c.IdentityBinding.CAData, c.IdentityBinding.CAConfigMap = "x", "y"
		},
		"need a TrustBundleSigner": func(c *azure.Config) {
			c.IdentityBinding = binding
			c.IdentityBinding.TrustBundleLabels = map[string]string{"a": "b"}
		},
		"is not a name": func(c *azure.Config) {
			c.IdentityBinding = binding
			c.IdentityBinding.CAConfigMap = "A B"
		},
	} {
		c := azure.Config{TenantID: tenant}
		change(&c)
		m, err := azure.New(c)
		require.ErrorContains(t, err, want)
		assert.True(t, strings.HasPrefix(err.Error(), "azure: config: "), err)
		assert.Nil(t, m)
	}
}

func TestAnAccountsAnnotationsBecomeItsIdentity(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	for _, c := range []struct {
		annotations map[string]string
		want        azure.Identity
	}{
		{nil, azure.Identity{TenantID: tenant}},
		{map[string]string{azure.AnnotationClientID: clientID}, azure.Identity{ClientID: clientID, TenantID: tenant}},
		{map[string]string{azure.AnnotationTenantID: "contoso.onmicrosoft.com"}, azure.Identity{TenantID: "contoso.onmicrosoft.com"}},
		{map[string]string{azure.AnnotationTenantID: ""}, azure.Identity{OmitTenantID: true}},
		{map[string]string{azure.AnnotationTokenExpiration: "86400"}, azure.Identity{TenantID: tenant, TokenExpiration: 24 * time.Hour}},
		{map[string]string{azure.AnnotationTokenExpiration: ""}, azure.Identity{TenantID: tenant}},
	} {
		id, err := m.Identity(account(c.annotations))
		require.NoError(t, err)
		assert.Equal(t, c.want, id)
		assert.False(t, id.IsZero())
	}
}

func TestABadAnnotationOfAnAccountIsNamed(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	for key, values := range map[string][]string{
		azure.AnnotationClientID:        {"$(SECRET)", "a b", "é", "\n", strings.Repeat("a", 300)},
		azure.AnnotationTenantID:        {"a/b", " "},
		azure.AnnotationTokenExpiration: {"3599", "86401", "-1", "1h", "3600.0", " 3600", "99999999999999999999"},
	} {
		for _, value := range values {
			id, err := m.Identity(account(map[string]string{key: value}))
			require.ErrorIs(t, err, mutate.ErrBadAnnotation, value)
			assert.ErrorContains(t, err, `azure: service account "ns/sa"`)
			assert.ErrorContains(t, err, key)
			assert.Zero(t, id)
		}
	}
	_, err := m.Identity(account(map[string]string{azure.AnnotationClientID: "a b", azure.AnnotationTokenExpiration: "1"}))
	assert.ErrorContains(t, err, azure.AnnotationClientID)
	assert.ErrorContains(t, err, azure.AnnotationTokenExpiration, "all at once")
}

func TestWhatCannotBeUsedGivesAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	var none *azure.Mutator
	for _, m := range []*azure.Mutator{none, {}} {
		const want = "the Mutator was not made by New"
		_, err := m.Identity(account(nil))
		require.ErrorContains(t, err, want)
		_, err = m.Pod(&corev1.Pod{}, reader)
		require.ErrorContains(t, err, want)
		_, err = m.RawPod([]byte(`{}`), reader)
		require.ErrorContains(t, err, want)
		_, err = m.FederatedCredential("https://issuer.example/", mutate.Target{Namespace: "ns", ServiceAccount: "sa"})
		require.ErrorContains(t, err, want)
		assert.False(t, m.Review(request(`{}`), reader).Allowed)
	}
	m := newMutator(t, azure.Config{TenantID: tenant})
	_, err := m.Identity(nil)
	require.ErrorContains(t, err, "service account: it is nil")
	_, err = m.Pod(nil, reader)
	require.ErrorContains(t, err, "pod: it is nil")
	assert.False(t, m.Review(nil, reader).Allowed)
	for _, id := range []azure.Identity{
		{ClientID: "a b"}, {TenantID: "$(X)"}, {TenantID: tenant, OmitTenantID: true},
		{TokenExpiration: time.Minute}, {TokenExpiration: 25 * time.Hour}, {TokenExpiration: time.Hour + 1},
	} {
		r, err := m.RawPod([]byte(`{"metadata":{`+chosen+`},"spec":{"containers":[{"name":"a"}]}}`), id)
		require.ErrorContains(t, err, "azure: pod: identity: ")
		assert.Zero(t, r)
	}
}

func TestOnlyAPodWithTheLabelIsMutated(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	const use = "azure.workload.identity/use"
	for metadata, changed := range map[string]bool{
		`{"labels":{"` + use + `":"true"}}`: true, `{"labels":{"` + use + `":"True"}}`: false, `{"labels":{"` + use + `":""}}`: false,
		`{"labels":{"` + use + `":"true "}}`: false, `{"labels":null}`: false, `null`: false, `{"annotations":{"` + use + `":"true"}}`: false,
		`{"labels":{"` + use + `":"true"},"annotations":{"kubernetes.io/config.mirror":"x"}}`: false,
	} {
		r, _, err := mutatePod(t, m, []byte(`{"metadata":`+metadata+`,"spec":{"containers":[{"name":"a"}]}}`), reader)
		require.NoError(t, err)
		assert.Equal(t, changed, r.Changed(), metadata)
	}
	r, err := m.RawPod([]byte(`{"metadata":{`+chosen+`},"spec":{"containers":[{"name":"a"}]}}`), azure.Identity{})
	require.NoError(t, err)
	assert.Zero(t, r, "a zero identity is none")
}

func TestTheVolumesNameFollowsFromThePods(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	for metadata, want := range map[string]string{
		`"name":"demo",`:                       "2a97516c354b68848cdbd8f54a226a",
		`"generateName":"web-7d9f-",`:          "bea4c277db9182029ce630b9192f7b",
		``:                                     "7ae265465cf68a19ccd3c91d70dc31",
		`"generateName":"demo","name":"demo",`: "2a97516c354b68848cdbd8f54a226a",
	} {
		// The name comes after the volumes, where it could not be known yet.
		_, patched, err := mutatePod(t, m, []byte(`{"spec":{"volumes":[{"name":"azure-workload-identity-reserved-x","emptyDir":{}}],"containers":[{"name":"a"}]},"metadata":{`+metadata+chosen+`}}`), reader)
		require.NoError(t, err)
		pod := patchlaws.Decode(t, patched)
		require.Len(t, pod.Spec.Volumes, 2)
		assert.Equal(t, "azure-workload-identity-reserved-"+want, pod.Spec.Volumes[1].Name)
		assert.Equal(t, pod.Spec.Volumes[1].Name, pod.Spec.Containers[0].VolumeMounts[0].Name)
	}
}

func TestAVolumeNamedBeforeThePodHadItsNameIsUsed(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	doc := []byte(`{"metadata":{"generateName":"web-",` + chosen + `},"spec":{"containers":[{"name":"a"}]}}`)
	r, err := m.RawPod(doc, reader)
	require.NoError(t, err)
	named := strings.Replace(string(patchlaws.Apply(t, doc, r)), `"generateName":"web-"`, `"generateName":"web-","name":"web-x"`, 1)
	again, err := m.RawPod([]byte(named), reader)
	require.NoError(t, err)
	assert.False(t, again.Changed())
	assert.True(t, again.Complete())
}

func TestThePodsExpirationWinsAndABadOneRefusesIt(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	pod := func(value string) []byte {
		return []byte(`{"metadata":{` + chosen + `,"annotations":{"` + azure.AnnotationTokenExpiration + `":"` + value + `"}},"spec":{"containers":[{"name":"a"}]}}`)
	}
	id := reader
	id.TokenExpiration = 2 * time.Hour
	for value, want := range map[string]int64{"": 7200, "3600": 3600, "86400": 86400} {
		_, patched, err := mutatePod(t, m, pod(value), id)
		require.NoError(t, err)
		assert.Equal(t, want, *patchlaws.Decode(t, patched).Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.ExpirationSeconds, value)
	}
	for _, value := range []string{"3599", "86401", "1h", "-3600", "0"} {
		_, _, err := mutatePod(t, m, pod(value), id)
		require.ErrorIs(t, err, mutate.ErrBadAnnotation, value)
		resp := m.Review(request(string(pod(value))), id)
		assert.False(t, resp.Allowed)
		assert.Equal(t, int32(422), resp.Result.Code)
	}
}

func TestWhatStandsInTheWayIsAConflict(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant, Layout: azure.LayoutV1_5})
	for name, c := range map[string]struct {
		spec string
		code mutate.Code
	}{
		"another volume of the name": {`"volumes":[{"name":"azure-identity-token","emptyDir":{}}],"containers":[{"name":"a"}]`, mutate.CodeForeignVolume},
		"the token at another path":  {`"volumes":[{"name":"azure-identity-token","projected":{"sources":[{"serviceAccountToken":{"path":"x"}}]}}],"containers":[{"name":"a"}]`, mutate.CodeForeignVolume},
		"another mount":              {`"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/azure/tokens/"}]}]`, mutate.CodeForeignMount},
		"a device":                   {`"containers":[{"name":"a","volumeDevices":[{"name":"v","devicePath":"/var/run/secrets/azure/tokens"}]}]`, mutate.CodeForeignMount},
		"a part of the volume":       {`"containers":[{"name":"a","volumeMounts":[{"name":"azure-identity-token","subPath":"x","mountPath":"/var/run/secrets/azure/tokens"}]}]`, mutate.CodeForeignMount},
		"a mount on the file":        {`"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/azure/tokens/azure-identity-token"}]}]`, mutate.CodeForeignMount},
		"on Windows":                 {`"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"C:\\VAR\\run\\secrets\\azure\\tokens"}]}]`, mutate.CodeForeignMount},
	} {
		r, _, err := mutatePod(t, m, []byte(`{"metadata":{`+chosen+`},"spec":{`+c.spec+`}}`), reader)
		require.NoError(t, err)
		assert.False(t, r.Changed(), name)
		assert.False(t, r.Complete(), name)
		require.Len(t, r.Warnings, 1, name)
		assert.Equal(t, c.code, r.Warnings[0].Code, name)
		require.Len(t, r.Incomplete(), 1)
		assert.Equal(t, []mutate.Cause{mutate.Cause(c.code)}, r.Incomplete()[0].Causes)
	}
}

func TestAConflictOfOneContainerLeavesTheOthers(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	r, patched, err := mutatePod(t, m, []byte(`{"metadata":{`+chosen+`},"spec":{"initContainers":[{"name":"i","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/azure/wi/token"}]}],"containers":[{"name":"a"}]}}`), reader)
	require.NoError(t, err)
	assert.Equal(t, mutate.Conflict, r.Containers[0].Outcome)
	assert.Equal(t, mutate.Injected, r.Containers[1].Outcome)
	pod := patchlaws.Decode(t, patched)
	assert.Empty(t, pod.Spec.InitContainers[0].Env)
	assert.Len(t, pod.Spec.Containers[0].Env, 4)
	assert.Len(t, pod.Spec.Volumes, 1)
}

func TestWarningsTellWhatIsSurprising(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant, Layout: azure.LayoutV1_5})
	ours := func(audience string) string {
		return `"volumes":[{"name":"azure-identity-token","projected":{"sources":[{"serviceAccountToken":{"path":"azure-identity-token","audience":"` + audience + `"}}]}}],`
	}
	for name, c := range map[string]struct {
		metadata, spec string
		complete       bool
		codes          []mutate.Code
	}{
		"another audience":      {"", ours("x") + `"containers":[{"name":"a"}]`, false, []mutate.Code{mutate.CodeVolumeDiffers}},
		"the volume is there":   {"", ours("api://AzureADTokenExchange") + `"containers":[{"name":"a"}]`, true, nil},
		"an empty client id":    {"", `"containers":[{"name":"a","env":[{"name":"AZURE_CLIENT_ID"}]}]`, false, []mutate.Code{mutate.CodeEmptyIdentity}},
		"the last entry counts": {"", `"containers":[{"name":"a","env":[{"name":"AZURE_CLIENT_ID"},{"name":"AZURE_CLIENT_ID","value":"x"}]}]`, true, nil},
		"a reference":           {"", `"containers":[{"name":"a","env":[{"name":"AZURE_CLIENT_ID","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}]`, true, nil},
		"envFrom":               {"", `"containers":[{"name":"a","envFrom":[{"secretRef":{"name":"s"}}]}]`, true, []mutate.Code{mutate.CodeEnvFrom}},
		"a client secret":       {"", `"containers":[{"name":"a","env":[{"name":"AZURE_CLIENT_SECRET","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}]`, true, []mutate.Code{mutate.CodeStaticCredentials}},
		"an empty secret":       {"", `"containers":[{"name":"a","env":[{"name":"AZURE_CLIENT_SECRET"}]}]`, true, nil},
		"an alias of the path":  {"", `"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/run/secrets/azure/tokens"}]}]`, true, []mutate.Code{mutate.CodeForeignMount}},
		"nobody to skip":        {`,"annotations":{"azure.workload.identity/skip-containers":" b ; ;b"}`, `"containers":[{"name":"a"}]`, true, []mutate.Code{mutate.CodeUnknownContainer}},
		"a binding without one": {`,"annotations":{"azure.workload.identity/use-identity-binding":"true"}`, `"containers":[{"name":"a"}]`, true, []mutate.Code{mutate.CodeUnsupported}},
	} {
		r, _, err := mutatePod(t, m, []byte(`{"metadata":{`+chosen+c.metadata+`},"spec":{`+c.spec+`}}`), reader)
		require.NoError(t, err, name)
		assert.Equal(t, c.complete, r.Complete(), name)
		var codes []mutate.Code
		for _, w := range r.Warnings {
			codes = append(codes, w.Code)
		}
		assert.Equal(t, c.codes, codes, name)
	}
}

func TestEachCloudHasItsAuthority(t *testing.T) {
	t.Parallel()
	for cloud, want := range map[azure.Cloud]string{
		azure.PublicCloud: "https://login.microsoftonline.com/", azure.ChinaCloud: "https://login.chinacloudapi.cn/",
		azure.USGovernmentCloud: "https://login.microsoftonline.us/", azure.GermanCloud: "https://login.microsoftonline.de/",
	} {
		m := newMutator(t, azure.Config{TenantID: tenant, Cloud: cloud, Audience: "api://other"})
		_, patched, err := mutatePod(t, m, []byte(`{"metadata":{`+chosen+`},"spec":{"containers":[{"name":"a"}]}}`), reader)
		require.NoError(t, err)
		pod := patchlaws.Decode(t, patched)
		assert.Contains(t, pod.Spec.Containers[0].Env, corev1.EnvVar{Name: "AZURE_AUTHORITY_HOST", Value: want}, cloud)
		assert.Equal(t, "api://other", pod.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.Audience)
	}
	assert.Equal(t, "AzureChinaCloud", azure.ChinaCloud.String())
	assert.Equal(t, "Cloud(9)", azure.Cloud(9).String())
}

func account(annotations map[string]string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "sa", Annotations: annotations}}
}

func TestABindingWithoutACertificateNamesNoFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		binding azure.IdentityBinding
		want    bool
	}{
		"none":        {azure.IdentityBinding{TokenProxy: "https://proxy"}, false},
		"a ConfigMap": {azure.IdentityBinding{TokenProxy: "https://proxy", CAConfigMap: "ca"}, true},
		"a bundle":    {azure.IdentityBinding{TokenProxy: "https://proxy", TrustBundleSigner: "example.com/ca"}, true},
	} {
		m := newMutator(t, azure.Config{TenantID: tenant, IdentityBinding: c.binding})
		_, patched, err := mutatePod(t, m, []byte(`{"metadata":{`+chosen+`,"annotations":{"`+azure.AnnotationIdentityBinding+`":"true"}},"spec":{"containers":[{"name":"a"}]}}`), reader)
		require.NoError(t, err)
		got := false
		for _, e := range patchlaws.Decode(t, patched).Spec.Containers[0].Env {
			got = got || e.Name == "AZURE_KUBERNETES_CA_FILE"
		}
		assert.Equal(t, c.want, got, name)
	}
}
