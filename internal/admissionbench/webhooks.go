package admissionbench

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// RoleARN is the role that the rivals inject.
const RoleARN = "arn:aws:iam::111122223333:role/reader"

// Typed makes a patch as the EKS webhook does: whole containers.
func Typed(doc []byte) ([]byte, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(doc, &pod); err != nil {
		return nil, err
	}
	addTo(&pod)
	return json.Marshal([]jsonpatch.Operation{
		{Operation: "add", Path: "/spec/volumes/0", Value: pod.Spec.Volumes[0]},
		{Operation: "add", Path: "/spec/containers", Value: pod.Spec.Containers},
	})
}

// CreatePatch makes a patch as most webhooks do: it changes the pod and lets the patch be
// computed.
func CreatePatch(doc []byte) ([]byte, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(doc, &pod); err != nil {
		return nil, err
	}
	addTo(&pod)
	changed, err := json.Marshal(&pod)
	if err != nil {
		return nil, err
	}
	ops, err := jsonpatch.CreatePatch(doc, changed)
	if err != nil {
		return nil, err
	}
	return json.Marshal(ops)
}

// Webhook answers reviews with the patches of one of the two.
func Webhook(patch func(pod []byte) ([]byte, error)) http.Handler {
	answer := func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		var review admissionv1.AdmissionReview
		if err := json.Unmarshal(body, &review); err != nil {
			return err
		}
		if review.Request == nil {
			return errors.New("the request is nil")
		}
		out, err := patch(review.Request.Object.Raw)
		if err != nil {
			return err
		}
		patchType := admissionv1.PatchTypeJSONPatch
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true, Patch: out, PatchType: &patchType}
		review.Request = nil
		if body, err = json.Marshal(&review); err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		_, err = w.Write(body)
		return err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := answer(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
}

func addTo(pod *corev1.Pod) {
	seconds := int64(86400)
	pod.Spec.Volumes = append([]corev1.Volume{{Name: mutate.VolumeName, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
			ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
				Audience: mutate.DefaultAudience, ExpirationSeconds: &seconds, Path: mutate.TokenFileName,
			},
		}}},
	}}}, pod.Spec.Volumes...)
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		c.Env = append(c.Env,
			corev1.EnvVar{Name: mutate.EnvRegionalSTS, Value: "regional"},
			corev1.EnvVar{Name: mutate.EnvDefaultRegion, Value: "eu-central-1"},
			corev1.EnvVar{Name: mutate.EnvRegion, Value: "eu-central-1"},
			corev1.EnvVar{Name: mutate.EnvRoleARN, Value: RoleARN},
			corev1.EnvVar{Name: mutate.EnvTokenFile, Value: mutate.DefaultMountPath + "/token"})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{
			Name: mutate.VolumeName, ReadOnly: true, MountPath: mutate.DefaultMountPath,
		})
	}
}
