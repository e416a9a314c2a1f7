package azure_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
)

func FuzzRawPod(f *testing.F) {
	for _, metadata := range []string{
		chosen, `"name":"p",` + chosen, chosen + `,"annotations":{"azure.workload.identity/skip-containers":"a; b","azure.workload.identity/use-identity-binding":"True"}`,
		chosen + `,"annotations":{"azure.workload.identity/service-account-token-expiration":"7200"}`,
	} {
		for _, spec := range []string{
			`{"containers":[{"name":"a"}]}`, `{"volumes":null,"containers":[{"name":"a","env":null,"volumeMounts":null}],"initContainers":[{"name":"b"}]}`,
			`{"volumes":[{"name":"azure-identity-token","projected":{"sources":[{"serviceAccountToken":{"path":"azure-identity-token"}},{"configMap":{"items":[{"path":"x"}]}}]}}],"containers":[{"name":"a","env":[{"name":"AZURE_CLIENT_ID"}]}]}`,
			`{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/azure/wi/"}]},{"name":"c","volumeDevices":[{"devicePath":"/x"}]}],"future":1e400}`,
			`{"containers":[null]}`, `null`,
		} {
			f.Add([]byte(`{"metadata":{`+metadata+`},"spec":`+spec+`}`), uint8(0))
			f.Add([]byte(`{"metadata":{`+metadata+`},"spec":`+spec+`}`), uint8(1))
		}
	}
	f.Add([]byte(`{"a":1,"a":2}`), uint8(0))
	mutators := []*azure.Mutator{
		newMutator(f, azure.Config{TenantID: tenant, IdentityBinding: azure.IdentityBinding{TokenProxy: "https://p", CAConfigMap: "ca"}}),
		newMutator(f, azure.Config{TenantID: tenant, Layout: azure.LayoutV1_5}),
	}
	f.Fuzz(func(t *testing.T, pod []byte, which uint8) {
		m := mutators[int(which)%len(mutators)]
		patchlaws.Check(t, pod, laws(m, reader).RawPod)
		laws(m, reader).CheckDiagnosis(t, pod)
	})
}

func TestTheLawsHoldForManyShapes(t *testing.T) {
	t.Parallel()
	binding := azure.IdentityBinding{TokenProxy: "https://p", CAConfigMap: "ca"}
	for _, c := range []azure.Config{{TenantID: tenant, IdentityBinding: binding}, {TenantID: tenant, Layout: azure.LayoutV1_5}} {
		m := newMutator(t, c)
		outcomes := map[mutate.Outcome]int{}
		patchlaws.Shapes(400, patchlaws.Words{
			Labels: []string{`{"azure.workload.identity/use":"true"}`, `{"a":"b","azure.workload.identity\/use":"true"}`, `{"azure.workload.identity/use":"true"}`},
			Annotations: []string{
				`"azure.workload.identity/use-identity-binding":"TRUE"`, `"azure.workload.identity/skip-containers":"b;"`,
				`"azure.workload.identity/service-account-token-expiration":"7200"`, `"azure.workload.identity/inject-proxy-sidecar":null`,
			},
			EnvNames:  []string{`"AZURE_CLIENT_ID"`, `"AZURE_TENANT_ID"`, `"AZURE_FEDERATED_TOKEN_FILE"`, `"AZURE_\u0041UTHORITY_HOST"`, `"X"`},
			EnvValues: []string{`"x"`, `""`, `null`, `"$(X)"`},
			VolumeNames: []string{
				`"azure-identity-token"`, `"azure-workload-identity-reserved-x"`, `"v"`,
				`"azure-workload-identity-reserved-148de9c5a7a44d19e56cd9ae1a554b"`, `"azure-workload-identity-reserved-7ae265465cf68a19ccd3c91d70dc31"`,
			},
			Paths:        []string{`"/var/run/secrets/azure/wi"`, `"/run/secrets/azure/wi"`, `"/var/run/secrets/azure/wi/token"`, `"/var/run/secrets/azure/tokens/"`, `"C:\\var\\run\\secrets\\azure\\WI"`, `"/x"`, `"/"`},
			TokenPaths:   []string{`"token/azure-identity-token"`, `"azure-identity-token"`, `"./azure-identity-token"`},
			Audiences:    []string{`"api://AzureADTokenExchange"`, `"api://AKSIdentityBinding"`, `null`},
			OtherSources: []string{`"configMap":{"name":"ca","items":[{"key":"ca.crt","path":"ca-cert/ca.crt"}]}`},
		}, func(pod string) {
			r, _, err := mutatePod(t, m, []byte(pod), reader)
			require.NoError(t, err)
			laws(m, reader).CheckDiagnosis(t, []byte(pod))
			for _, c := range r.Containers {
				outcomes[c.Outcome]++
			}
		})
		for _, o := range []mutate.Outcome{mutate.Skipped, mutate.Injected, mutate.Conflict} {
			assert.Greater(t, outcomes[o], 20, "%v: the shapes reach it", o)
		}
	}
}

func TestALongListOfContainersToSkipTakesOnePass(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	assert.NoError(t, growth.Linear(700, func(n int) func() {
		var names strings.Builder
		for i := range 30 * n {
			names.WriteString(strconv.Itoa(i) + ";")
		}
		pod := []byte(`{"metadata":{` + chosen + `,"annotations":{"azure.workload.identity/skip-containers":"` + names.String() + `"}},"spec":{"containers":[` +
			strings.Repeat(`{"name":"a"},`, n) + `{"name":"7"}]}}`)
		return func() {
			r, err := m.RawPod(pod, reader)
			require.NoError(t, err)
			assert.Equal(t, mutate.ReasonAnnotation, r.Containers[n].Reason)
		}
	}), "names times containers would be the square")
}

// laws are about what m does for an identity.
func laws(m *azure.Mutator, id azure.Identity) patchlaws.Cloud {
	return patchlaws.Cloud{
		RawPod:   func(pod []byte) (mutate.Result, error) { return m.RawPod(pod, id) },
		Pod:      func(pod *corev1.Pod) (mutate.Result, error) { return m.Pod(pod, id) },
		Diagnose: func(pod *corev1.Pod) (mutate.Diagnosis, error) { return m.Diagnose(pod, id) },
		Own:      []string{"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"},
	}
}
