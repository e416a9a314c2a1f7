package e2e_test

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// cloudPodOf is a pod for a cloud with what matters to its mutation.
func (d dice) cloudPodOf(namespace, prefix string) *corev1.Pod {
	azure := strings.HasPrefix(prefix, "azure")
	names, values, paths := cloudNames["google"], cloudValues["google"], cloudPaths["google"]
	if azure {
		names, values, paths = cloudNames["azure"], cloudValues["azure"], cloudPaths["azure"]
	}
	pod := racer(namespace, "app", asksForAzure)
	pod.Name, pod.GenerateName = "pod", ""
	volume := d.pick(prefix, prefix, "v")
	if strings.HasSuffix(prefix, "-") {
		volume = d.pick("v", prefix+"2a97516c354b68848cdbd8f54a226a", prefix+"x")
	}
	sources := []corev1.VolumeProjection{}
	for range 1 + d.IntN(2) {
		sources = append(sources, [...]corev1.VolumeProjection{
			tokenAt(d.pick("token", "token/azure-identity-token", "azure-identity-token", "./token")), credentialsFile,
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca-cert/ca.crt"}}}},
		}[d.IntN(4)])
	}
	pod.Spec.Volumes = []corev1.Volume{{Name: "own"}}
	if volume != "v" || d.IntN(2) == 0 {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources}}})
	}
	pod.Spec.InitContainers = nil
	pod.Spec.Containers = nil
	for i := range 1 + d.IntN(3) {
		c := corev1.Container{Name: fmt.Sprint("app-", i), Image: "i"}
		for range d.IntN(3) {
			c.Env = append(c.Env, corev1.EnvVar{Name: d.pick(names...), Value: d.pick(values...)})
		}
		shuffled := append([]string{}, paths...)
		d.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for j := range d.IntN(3) {
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{
				Name: pod.Spec.Volumes[d.IntN(len(pod.Spec.Volumes))].Name, MountPath: shuffled[j], SubPath: d.pick("", "", "", "token"),
			})
		}
		if i == 2 {
			pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
		} else {
			pod.Spec.Containers = append(pod.Spec.Containers, c)
		}
	}
	pod.Annotations = map[string]string{}
	for key, values := range map[string][]string{
		"azure.workload.identity/service-account-token-expiration": {"3600", "86400", "", "+7200"},
		"azure.workload.identity/skip-containers":                  {"app-0", " app-1 ;app-0", ";", "app-0,app-1"},
		"azure.workload.identity/use-identity-binding":             {"true", "True", "false", ""},
		"azure.workload.identity/inject-proxy-sidecar":             {"true"},
		"cloud.google.com/token-expiration":                        {"0", "3600", "100000"},
		"cloud.google.com/skip-containers":                         {"app-0", " app-1 ,app-0", ","},
		"cloud.google.com/external-credentials-json":               {"{}"},
	} {
		if d.IntN(6) == 0 {
			pod.Annotations[key] = d.pick(values...)
		}
	}
	return pod
}

var cloudNames = map[string][]string{
	"azure":  {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST", "AZURE_KUBERNETES_TOKEN_PROXY", "AZURE_KUBERNETES_CA_FILE", "AZURE_KUBERNETES_SNI_NAME", "AZURE_CLIENT_SECRET", "X"},
	"google": {"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_COMPUTE_REGION", "CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "CLOUDSDK_CORE_UNIVERSE_DOMAIN", "X"},
}

var cloudValues = map[string][]string{
	"azure":  {"", "x", clientID, tenantID, "/var/run/secrets/azure/wi/token/azure-identity-token", "/var/run/secrets/azure/tokens/azure-identity-token", "$(X)"},
	"google": {"", "x", "/var/run/secrets/sts.googleapis.com/serviceaccount/federation.json", "$(X)", "/var/run/secrets/sts.googleapis.com/serviceaccount//federation.json"},
}

var cloudPaths = map[string][]string{
	"azure": {"/var/run/secrets/azure/wi", "/var/run/secrets/azure/wi/", "/var/run/secrets/azure/wi/token", "/var/run/secrets/azure/wi/token/azure-identity-token", "/var/run/secrets/azure", "/run/secrets/azure/wi",
		"/var/run/secrets/azure/tokens", "/var/run/secrets/azure/tokens/azure-identity-token", "/run/secrets/azure/wi/token/", "/var/run/secrets/azure/wi/other", "/x", "/var/run/secrets/azure/wi/ca-cert/ca.crt", "/var/run/./secrets//azure/wi"},
	"google": {"/var/run/secrets/sts.googleapis.com/serviceaccount", "/var/run/secrets/sts.googleapis.com/serviceaccount/token", "/run/secrets/sts.googleapis.com/serviceaccount/federation.json", "/var/run/secrets/sts.googleapis.com",
		"/var/run/secrets/sts.googleapis.com/serviceaccount/x", "/run/secrets/sts.googleapis.com/serviceaccount", "/x", "/var/run/secrets//sts.googleapis.com/./serviceaccount/"},
}
