// Package admissionbench has what the benchmarks of the admission are measured with and against:
// pods of several sizes, the reviews that an API server makes of them, and the two ways in which
// webhooks usually answer.
package admissionbench

import (
	"encoding/json"
	"fmt"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Sizes are about how many bytes the pods have that figures are given for.
func Sizes() []int { return []int{600, 3_000, 60_000} }

// Pod is a pod as an API server sends it, of about so many bytes: one container at first, then
// three with ports, requests and more and more fields that the mutation has no use for.
func Pod(size int) ([]byte, error) {
	pod := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Name: "app-7d4b9c6f5-x2x7q", Namespace: "default", Labels: map[string]string{"app": "app"}},
		Spec: corev1.PodSpec{
			ServiceAccountName: "reader",
			Containers:         []corev1.Container{{Name: "app", Image: "registry.example.com/app:1.2.3", Env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}}}},
			Volumes:            []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
	if size > 1000 {
		for _, name := range []string{"proxy", "agent"} {
			c := pod.Spec.Containers[0].DeepCopy()
			c.Name = name
			c.Ports = []corev1.ContainerPort{{ContainerPort: 8080}}
			c.Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("64Mi")}
			pod.Spec.Containers = append(pod.Spec.Containers, *c)
		}
	}
	for i := 0; ; i++ {
		doc, err := json.Marshal(&pod)
		if err != nil || len(doc) >= size {
			return doc, err
		}
		grow(&pod, i)
	}
}

func grow(pod *corev1.Pod, i int) {
	switch c := &pod.Spec.Containers[i%len(pod.Spec.Containers)]; i % 4 {
	case 0:
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", i), Value: "some value of a setting"})
	case 1:
		c.Args = append(c.Args, fmt.Sprintf("--flag-%d=value", i))
	case 2:
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("FIELD_%d", i), ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}})
	case 3:
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, fmt.Sprintf("example.com/note-%d", i), strings.Repeat("x", 40))
	}
}

// Review is the AdmissionReview of a pod that a controller creates.
func Review(pod []byte) ([]byte, error) {
	kind := metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}
	pods := metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
	options, err := json.Marshal(metav1.CreateOptions{TypeMeta: metav1.TypeMeta{Kind: "CreateOptions", APIVersion: "meta.k8s.io/v1"}})
	if err != nil {
		return nil, err
	}
	return json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{Kind: "AdmissionReview", APIVersion: "admission.k8s.io/v1"},
		Request: &admissionv1.AdmissionRequest{
			UID: "6c1d4d2f-1b6f-4c0e-9a3b-0123456789ab", Kind: kind, Resource: pods, RequestKind: &kind, RequestResource: &pods,
			Name: "app-7d4b9c6f5-x2x7q", Namespace: "default", Operation: admissionv1.Create,
			UserInfo: authenticationv1.UserInfo{
				Username: "system:serviceaccount:kube-system:replicaset-controller", UID: "5e2a7c1e-7f0e-4a54-8f6a-0123456789ab",
				Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
			},
			Object: runtime.RawExtension{Raw: pod}, DryRun: new(bool), Options: runtime.RawExtension{Raw: options},
		},
	})
}
