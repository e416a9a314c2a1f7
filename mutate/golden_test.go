package mutate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/mutate"
)

var update = flag.Bool("update", false, "write the golden files")

// golden is what a golden file records of one pod: in, and what became of it.
type golden struct {
	Pod        json.RawMessage          `json:"pod"`
	Patched    json.RawMessage          `json:"patched"`
	Patch      json.RawMessage          `json:"patch"`
	Containers []mutate.ContainerResult `json:"containers"`
	Warnings   []mutate.Warning         `json:"warnings"`
}

const volumeOfOurs = `{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}`

func TestPodsComeOutAsTheirGoldenFilesSay(t *testing.T) {
	t.Parallel()
	web, agent := mutate.Identity{RoleARN: role}, mutate.Identity{Method: mutate.PodIdentity}
	region := mutate.Config{Region: "eu-central-1"}
	for name, c := range map[string]struct {
		pod string
		id  mutate.Identity
		cfg mutate.Config
	}{
		"volumes-empty":        {`{"spec":{"volumes":[],"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"volumes-null":         {`{"spec":{"volumes":null,"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"env-and-mounts-empty": {`{"spec":{"containers":[{"name":"a","env":[],"volumeMounts":[]}]}}`, web, mutate.Config{}},
		"env-and-mounts-null":  {`{"spec":{"containers":[{"name":"a","env":null,"volumeMounts":null}]}}`, web, mutate.Config{}},
		"unknown-fields":       {`{"x":1e400,"spec":{"y":10000000000000000000001,"containers":[{"name":"a","startupProbe":{},"z":[1.50]}],"initContainers":[{"name":"i","restartPolicy":"Always"}]}}`, web, mutate.Config{}},
		"windows-by-spec-os":   {`{"spec":{"os":{"name":"windows"},"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"linux-by-spec-os":     {`{"spec":{"os":{"name":"linux"},"nodeSelector":{"kubernetes.io/os":"windows"},"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"windows-by-affinity":  {`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/arch","operator":"Exists"},{"key":"kubernetes.io/os","operator":"In","values":["windows"]}]}]}}},"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"either-by-affinity":   {`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["windows"]}]},{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["linux"]}]}]}}},"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"windows-mount-path":   {`{"spec":{"os":{"name":"windows"},"containers":[{"name":"a"}]}}`, web, mutate.Config{MountPath: "/custom"}},
		"partial-role":         {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"}]},{"name":"b"}]}}`, web, region},
		"partial-token-file":   {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"x"}]}]}}`, web, region},
		"own-identity":         {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"y"}]}]}}`, web, region},
		"own-identity-at-path": {`{"spec":{"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"token","audience":"sts.amazonaws.com"}}]}}],"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}],"volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount"}]}]}}`, mutate.Identity{RoleARN: role, RegionalSTS: true}, region},
		"empty-identity":       {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":""}]},{"name":"b","env":[{"name":"AWS_ROLE_ARN","valueFrom":{"configMapKeyRef":{"name":"c","key":"k","optional":true}}},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/x"}]}]}}`, web, region},
		"mounted-in-part":      {`{"spec":{"volumes":[` + volumeOfOurs + `],"containers":[{"name":"a","volumeMounts":[{"name":"aws-iam-token","mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount","subPath":"token"}]}]}}`, web, mutate.Config{}},
		"mounted-in-front":     {`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}]}],"volumes":[{"name":"v","emptyDir":{}}]}}`, web, mutate.Config{}},
		"mounted-at-run":       {`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/run/secrets/eks.amazonaws.com/serviceaccount"}]}],"volumes":[{"name":"v","emptyDir":{}}]}}`, web, mutate.Config{}},
		"foreign-volume":       {`{"spec":{"volumes":[{"name":"aws-iam-token","emptyDir":{}}],"containers":[{"name":"a"}]}}`, web, region},
		"foreign-token-path":   {`{"spec":{"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"path":"other"}}]}}],"containers":[{"name":"a"}]}}`, web, region},
		"foreign-mount":        {`{"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount/"}]},{"name":"b"}]}}`, web, region},
		"foreign-device":       {`{"spec":{"containers":[{"name":"a","volumeDevices":[{"name":"d","devicePath":"/var/run/secrets/eks.amazonaws.com/serviceaccount"}]}]}}`, web, region},
		"mounted-elsewhere":    {`{"spec":{"volumes":[` + volumeOfOurs + `],"containers":[{"name":"a","volumeMounts":[{"name":"aws-iam-token","mountPath":"/else"}]}]}}`, web, mutate.Config{}},
		"volume-of-ours":       {`{"spec":{"volumes":[{"name":"v","emptyDir":{}},` + volumeOfOurs + `],"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"volume-differs":       {`{"spec":{"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"configMap":{"name":"x"}},{"serviceAccountToken":{"audience":"x","expirationSeconds":900,"path":"token"}}]}}],"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"env-from":             {`{"spec":{"containers":[{"name":"a","envFrom":[{"secretRef":{"name":"s"}}]},{"name":"b","envFrom":[{"prefix":"APP_","secretRef":{"name":"s"}}]},{"name":"c","envFrom":[{"prefix":"AWS_R","secretRef":{"name":"s"}}]}]}}`, web, mutate.Config{}},
		"static-credentials":   {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ACCESS_KEY_ID","value":"x"}]}]}}`, web, mutate.Config{}},
		"skip-containers":      {`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":" a , \"b\",nobody,,nobody"}},"spec":{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}}`, web, mutate.Config{}},
		"bad-annotations":      {`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"\"a","eks.amazonaws.com/token-expiration":"1h"}},"spec":{"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"expiration-raised":    {`{"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"-5"}},"spec":{"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"other-partition":      {`{"spec":{"containers":[{"name":"a"}]}}`, web, mutate.Config{Region: "cn-north-1"}},
		"session-by-uid":       {`{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a"}]}}`, web, mutate.Config{SessionName: mutate.SessionNamePodName}},
		"session-by-name":      {`{"metadata":{"generateName":"p-"},"spec":{"containers":[{"name":"a"},{"name":"b","env":[{"name":"AWS_ROLE_SESSION_NAME","value":"mine"}]}]}}`, web, mutate.Config{SessionName: mutate.SessionNamePodName}},
		"no-node-role":         {`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"c"}},"spec":{"containers":[{"name":"a"},{"name":"b","env":[{"name":"AWS_ROLE_ARN"}]},{"name":"c"}]}}`, web, mutate.Config{DisableEC2Metadata: true}},
		"no-node-role-of-one":  {`{"spec":{"containers":[{"name":"a"}]}}`, mutate.Identity{RoleARN: role, DisableEC2Metadata: mutate.On}, mutate.Config{}},
		"choices":              {`{"metadata":{"annotations":{"eks.amazonaws.com/session-name":"pod-uid","eks.amazonaws.com/disable-ec2-metadata":"false","eks.amazonaws.com/use-fips-endpoint":"1"}},"spec":{"containers":[{"name":"a"},{"name":"b","env":[{"name":"AWS_USE_FIPS_ENDPOINT","value":"false"}]},{"name":"c","env":[{"name":"AWS_ROLE_ARN"}]}]}}`, mutate.Identity{RoleARN: role, UseDualStackEndpoint: mutate.On}, mutate.Config{DisableEC2Metadata: true, SessionName: mutate.SessionNamePodName}},
		"choices-bad":          {`{"metadata":{"annotations":{"eks.amazonaws.com/session-name":"me","eks.amazonaws.com/use-dualstack-endpoint":"yes"}},"spec":{"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"mirror-pod":           {`{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"a"}]}}`, web, mutate.Config{}},
		"other-domain":         {`{"metadata":{"labels":{"a":"b"},"annotations":{"irsa.example.com/token-expiration":"900"}},"spec":{"containers":[{"name":"a"}]}}`, agent, mutate.Config{AnnotationDomain: "irsa.example.com"}},
		"agent-no-metadata":    {`{"spec":{"containers":[{"name":"a"}]}}`, agent, region},
		"agent-labels-null":    {`{"metadata":{"labels":null},"spec":{"containers":[{"name":"a"}]}}`, agent, region},
		"agent-ipv6":           {`{"metadata":{"labels":{}},"spec":{"containers":[{"name":"a"}]}}`, agent, mutate.Config{PodIdentityIPv6: true, PodIdentityMountPath: "/agent"}},
		"agent-label-differs":  {`{"metadata":{"labels":{"eks.amazonaws.com/pod-identity":"no"}},"spec":{"containers":[{"name":"a"}]}}`, agent, region},
		"agent-shadowed":       {`{"metadata":{},"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"y"}]},{"name":"b","env":[{"name":"AWS_ROLE_ARN"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE"}]}]}}`, agent, region},
		"agent-seeded":         {`{"metadata":{},"spec":{"containers":[{"name":"a"}]}}`, mutate.Identity{Method: mutate.PodIdentity, Seed: "6c1d4d2f"}, region},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMutator(t, c.cfg)
			r, err := m.RawPod([]byte(c.pod), c.id)
			require.NoError(t, err)
			assertGolden(t, name, golden{
				Pod: json.RawMessage(c.pod), Patched: apply(t, []byte(c.pod), r),
				Patch: orNull(r.PatchJSON()), Containers: r.Containers, Warnings: r.Warnings,
			})
			checkLaws(t, m, []byte(c.pod), c.id)
		})
	}
}

func orNull(doc []byte) []byte {
	if doc == nil {
		return []byte("null")
	}
	return doc
}

func TestEphemeralContainersComeOutAsTheirGoldenFilesSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pod, old string }{
		"ephemeral-with-volume":    {`{"spec":{"volumes":[` + volumeOfOurs + `],"containers":[{"name":"a"}],"ephemeralContainers":[{"name":"d1"},{"name":"d2","env":[]}]}}`, `{"spec":{"ephemeralContainers":[{"name":"d1"}]}}`},
		"ephemeral-without-volume": {`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"d2,other"}},"spec":{"containers":[{"name":"a"}],"ephemeralContainers":[{"name":"d1"},{"name":"d2"}]}}`, `{"spec":{}}`},
		"ephemeral-foreign-volume": {`{"spec":{"volumes":[{"name":"aws-iam-token","emptyDir":{}}],"ephemeralContainers":[{"name":"d1"}]}}`, `{}`},
		"ephemeral-none-new":       {`{"spec":{"ephemeralContainers":[{"name":"d1"}]}}`, `{"spec":{"ephemeralContainers":[{"name":"d1"}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, sa := newMutator(t, mutate.Config{}), account(map[string]string{"role-arn": role})
			review := func(pod string) mutate.Reviewed {
				req := request([]byte(pod))
				req.Operation, req.SubResource = admissionv1.Update, "ephemeralcontainers"
				req.OldObject.Raw = []byte(c.old)
				reading, err := m.Read(req)
				require.NoError(t, err)
				return reading.Review(sa)
			}
			r := review(c.pod).Result
			patched := apply(t, []byte(c.pod), r)
			assertGolden(t, name, golden{
				Pod: json.RawMessage(c.pod), Patched: patched, Patch: orNull(r.PatchJSON()),
				Containers: r.Containers, Warnings: r.Warnings,
			})
			assert.False(t, review(string(patched)).Result.Changed())
		})
	}
}

func assertGolden(t *testing.T, name string, g golden) {
	t.Helper()
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(g))
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String(), "run with -update and look at the difference")
}

// account is a service account with annotations under the usual prefix.
func account(annotations map[string]string) *corev1.ServiceAccount {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "reader"}}
	for key, value := range annotations {
		metav1.SetMetaDataAnnotation(&sa.ObjectMeta, "eks.amazonaws.com/"+key, value)
	}
	return sa
}

// request asks for a pod to be created.
func request(pod []byte) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID:       "6c1d4d2f-1b6f-4c0e-9a3b-0123456789ab",
		Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Namespace: "team-a",
		Operation: admissionv1.Create,
		Object:    runtime.RawExtension{Raw: pod},
	}
}
