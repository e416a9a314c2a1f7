package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/internal/identitycases"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/token"
)

// The doctor judges pods as the webhook and the admission policies do, by one table.
func TestTheDoctorFindsWhatRequireIdentityRefuses(t *testing.T) {
	t.Parallel()
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	require.NoError(t, err)
	for _, c := range identitycases.Cases() {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "reader"}}
		if c.Annotated {
			account.Annotations = map[string]string{mutate.DefaultAnnotationDomain + "/role-arn": identitycases.RoleARN}
		}
		reading, err := mutator.Read(&admissionv1.AdmissionRequest{
			Operation: admissionv1.Create, Namespace: "team-a",
			Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Object:   runtime.RawExtension{Raw: []byte(c.Pod)},
		})
		require.NoError(t, err, c.Name)
		patched, err := reading.Review(account).Result.Apply([]byte(c.Pod))
		require.NoError(t, err, c.Name)
		var pod corev1.Pod
		require.NoError(t, json.Unmarshal(patched, &pod), c.Name)

		env := map[string]string{}
		for _, e := range pod.Spec.Containers[0].Env {
			env[e.Name] = e.Value
		}
		lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		wrong, err := process{lookup: lookup}.missed(&pod)
		require.NoError(t, err, c.Name)
		if c.Admitted {
			assert.Empty(t, wrong, c.Name)
			continue
		}
		_, err = token.Resolve(lookup)
		_, unread := os.Stat(env[mutate.EnvTokenFile]) // what the pod alone does not tell, the step after finds
		assert.True(t, len(wrong) > 0 || err != nil || c.Standing == mutate.Unknown && unread != nil, "%s: the doctor finds nothing", c.Name)
	}
}
