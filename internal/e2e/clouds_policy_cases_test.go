package e2e_test

import (
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
)

// cloudFeaturesShownElsewhere names the tests of the features that the creation of one pod does not show.
var cloudFeaturesShownElsewhere = map[string]string{
	"several-clouds":       "TestTheCloudsClientsReadWhatThePoliciesGive",
	"ephemeral-containers": "TestTheCloudsPoliciesInjectEphemeralContainers",
	"reinvocation":         "TestTheCloudsPoliciesReachTheSidecarOfALaterWebhook",
	"large-pods":           "TestTheCloudsPoliciesBearLargePods",
	"warnings":             "TestThePolicyCannotWarn: no mutating policy can",
	"fresh-accounts":       "TestNoPodGetsInUnmutatedWhereAnIdentityIsRequired: no parameter is fresh",
}

// cloudSetups are namespaces with a cloud's policy of one configuration.
var cloudSetups = map[string]cloudSetup{
	"azure":      inAzure(azure.Config{}),
	"azure-v1-5": inAzure(azure.Config{Layout: azure.LayoutV1_5, Cloud: azure.ChinaCloud, Audience: "api://it's \\ mine"}),
	"azure-bound": inAzure(azure.Config{IdentityBinding: azure.IdentityBinding{
		TokenProxy: "https://kubernetes.default.svc", SNIName: "api.proxy.example", CAConfigMap: "proxy-ca",
	}}),
	"azure-bundle": inAzure(azure.Config{IdentityBinding: azure.IdentityBinding{
		TokenProxy: "https://kubernetes.default.svc", TrustBundleSigner: "example.com/proxy", TrustBundleLabels: map[string]string{"example.com/for": "tokens"},
	}}),
	"google": inGoogle(google.Config{}),
	"google-set": inGoogle(google.Config{
		Audience: "sts.googleapis.com", DefaultMode: 0o440, Project: "p", ComputeRegion: "europe-west4", UniverseDomain: "sovereign.example",
	}),
}

func client(more map[string]string) map[string]string {
	all := map[string]string{azure.AnnotationClientID: clientID}
	maps.Copy(all, more)
	return all
}

func inPool(more map[string]string) map[string]string {
	all := map[string]string{google.AnnotationProvider: provider}
	maps.Copy(all, more)
	return all
}

func annotatedWith(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = map[string]string{key: value} }
}

func projecting(name string, sources ...corev1.VolumeProjection) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources}}}}
	}
}

func tokenAt(path string) corev1.VolumeProjection {
	return corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: "another", Path: path}}
}

func mounted(volume corev1.VolumeMount) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "own"})
		p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{volume}
	}
}

var asked = annotatedWith(azure.AnnotationIdentityBinding, "TRUE")

var credentialsFile = corev1.VolumeProjection{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{
	Path: "federation.json", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations['cloud.google.com/external-credentials-json']"},
}}}}

// cloudCases are the features that a pod's creation shows, each by one or more pods.
var cloudCases = map[string][]cloudCase{
	"client-id": {
		{name: "annotated", setup: "azure", account: client(nil)},
		{name: "absent", setup: "azure", account: map[string]string{"other": "x"}},
		{name: "no annotations", setup: "azure"},
		{name: "layout of 1.5 in another cloud", setup: "azure-v1-5", account: client(nil)},
	},
	"tenant-id": {
		{name: "of the account", setup: "azure", account: client(map[string]string{azure.AnnotationTenantID: "contoso.example"})},
		{name: "empty", setup: "azure", account: client(map[string]string{azure.AnnotationTenantID: ""})},
	},
	"label": {
		{name: "none", setup: "azure", account: client(nil), pod: func(p *corev1.Pod) { p.Labels = nil }},
		{name: "another value", setup: "azure", account: client(nil), pod: func(p *corev1.Pod) { p.Labels = map[string]string{azure.LabelUse: "True"} }},
	},
	"identity-binding": {
		{name: "with a ConfigMap", setup: "azure-bound", account: client(nil), pod: asked},
		{name: "with a trust bundle", setup: "azure-bundle", account: client(nil), pod: asked},
		{name: "not asked for", setup: "azure-bound", account: client(nil), pod: annotatedWith(azure.AnnotationIdentityBinding, "yes")},
		{name: "without one", setup: "azure", account: client(nil), pod: asked},
	},
	"direct-access": {
		{name: "a provider", setup: "google", account: inPool(nil)},
		{name: "another account", setup: "google", account: map[string]string{google.AnnotationAudience: "x"}},
		{name: "everything set", setup: "google-set", account: inPool(nil)},
	},
	"impersonation": {
		{name: "an address with a project", setup: "google", account: inPool(map[string]string{google.AnnotationEmail: email})},
		{name: "one of another kind", setup: "google", account: inPool(map[string]string{google.AnnotationEmail: "482910375566-compute@developer.gserviceaccount.com"})},
		{name: "one of a project with a domain", setup: "google", account: inPool(map[string]string{google.AnnotationEmail: "x@p.example.com.iam.gserviceaccount.com"})},
		{name: "empty", setup: "google", account: inPool(map[string]string{google.AnnotationEmail: ""})},
		{name: "everything set", setup: "google-set", account: inPool(map[string]string{google.AnnotationEmail: email})},
	},
	"audience": {
		{name: "of the account", setup: "google", account: inPool(map[string]string{google.AnnotationAudience: "it's \\ a \"test\""})},
		{name: "empty", setup: "google", account: inPool(map[string]string{google.AnnotationAudience: ""})},
	},
	"injection-mode": {
		{name: "gcloud", setup: "google", account: inPool(map[string]string{google.AnnotationInjectionMode: "GCloud", "cloud.google.com/gcloud-run-as-user": "1000"})},
	},
	"token-expiration": {
		{name: "of Azure's account", setup: "azure", account: client(map[string]string{azure.AnnotationTokenExpiration: "7200"})},
		{name: "empty in Azure", setup: "azure", account: client(map[string]string{azure.AnnotationTokenExpiration: ""}), pod: annotatedWith(azure.AnnotationTokenExpiration, "")},
		{name: "of Azure's pod", setup: "azure", account: client(map[string]string{azure.AnnotationTokenExpiration: "7200"}), pod: annotatedWith(azure.AnnotationTokenExpiration, "+86400")},
		{name: "of Google's account, raised", setup: "google", account: inPool(map[string]string{google.AnnotationTokenExpiration: "1"})},
		{name: "of Google's pod", setup: "google", account: inPool(map[string]string{google.AnnotationTokenExpiration: "7200"}), pod: annotatedWith(google.AnnotationTokenExpiration, "100000")},
	},
	"skip-containers": {
		{name: "in Azure", setup: "azure", account: client(nil), pod: annotatedWith(azure.AnnotationSkipContainers, "init; other")},
		{name: "all in Azure", setup: "azure", account: client(nil), pod: annotatedWith(azure.AnnotationSkipContainers, "init ;app")},
		{name: "in Google Cloud", setup: "google", account: inPool(nil), pod: annotatedWith(google.AnnotationSkipContainers, "app,other")},
	},
	"init-containers": {
		{name: "a native sidecar", setup: "google", account: inPool(nil), pod: func(p *corev1.Pod) {
			always := corev1.ContainerRestartPolicyAlways
			p.Spec.InitContainers[0].RestartPolicy = &always
		}},
	},
	"present": {
		{name: "a client id", setup: "azure", account: client(nil), pod: containerEnv("AZURE_CLIENT_ID", "own", "AZURE_AUTHORITY_HOST", "")},
		{name: "credentials of its own", setup: "google", account: inPool(nil), pod: containerEnv("GOOGLE_APPLICATION_CREDENTIALS", "/own.json")},
		{name: "credentials from elsewhere", setup: "google", account: inPool(nil), pod: func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "GOOGLE_APPLICATION_CREDENTIALS", ValueFrom: &corev1.EnvVarSource{
				ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}, Key: "k"}}}}
		}},
		{name: "in every container", setup: "google", account: inPool(nil), pod: func(p *corev1.Pod) {
			p.Spec.InitContainers = nil
			containerEnv("GOOGLE_APPLICATION_CREDENTIALS", "/own.json")(p)
		}},
		{name: "ours, and nothing else", setup: "google", account: inPool(nil), pod: containerEnv("GOOGLE_APPLICATION_CREDENTIALS", "/var/run/secrets/sts.googleapis.com/serviceaccount/federation.json")},
		{name: "the volume and its mount", setup: "google", account: inPool(nil), pod: both(projecting("gcp-iam-token", tokenAt("token"), credentialsFile),
			mounted(corev1.VolumeMount{Name: "gcp-iam-token", MountPath: "/var/run/secrets/sts.googleapis.com/serviceaccount/"}))},
		{name: "Azure's volume by another name", setup: "azure", account: client(nil), pod: projecting("azure-workload-identity-reserved-x", tokenAt("token/azure-identity-token"))},
		{name: "ours at another path", setup: "azure-v1-5", account: client(nil), pod: both(projecting("azure-identity-token", tokenAt("azure-identity-token")),
			mounted(corev1.VolumeMount{Name: "azure-identity-token", MountPath: "/elsewhere"}))},
	},
	"foreign-volume": {
		{name: "of Azure 1.5", setup: "azure-v1-5", account: client(nil), pod: func(p *corev1.Pod) { p.Spec.Volumes = []corev1.Volume{{Name: "azure-identity-token"}} }},
		{name: "the token at another path", setup: "azure-v1-5", account: client(nil), pod: projecting("azure-identity-token", tokenAt("other"))},
		{name: "without the credentials", setup: "google", account: inPool(nil), pod: projecting("gcp-iam-token", tokenAt("token"))},
		{name: "one of the prefix", setup: "azure", account: client(nil), pod: func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "azure-workload-identity-reserved-x"}}
		}},
	},
	"foreign-mount": {
		{name: "at Azure's path", setup: "azure", account: client(nil), pod: foreignMount("/var/run/secrets/azure/./wi/")},
		{name: "in front of the token", setup: "azure", account: client(nil), pod: foreignMount("/var/run/secrets/azure/wi/token")},
		{name: "in front of it by another name", setup: "azure", account: client(nil), pod: foreignMount("/run/secrets/azure/wi/token")},
		{name: "on the token", setup: "google", account: inPool(nil), pod: foreignMount("/var/run/secrets/sts.googleapis.com/serviceaccount/token")},
		{name: "on the credentials", setup: "google", account: inPool(nil), pod: foreignMount("/var/run/secrets/sts.googleapis.com/serviceaccount/federation.json")},
		{name: "beside them", setup: "google", account: inPool(nil), pod: foreignMount("/var/run/secrets/sts.googleapis.com/serviceaccount/more")},
		{name: "in front of the certificate, not asked for", setup: "azure-bound", account: client(nil), pod: foreignMount("/var/run/secrets/azure/wi/ca-cert")},
		{name: "in front of the certificate", setup: "azure-bound", account: client(nil), pod: both(asked, foreignMount("/var/run/secrets/azure/wi/ca-cert"))},
		{name: "a part of ours", setup: "google", account: inPool(nil), pod: both(projecting("gcp-iam-token", tokenAt("token"), credentialsFile),
			mounted(corev1.VolumeMount{Name: "gcp-iam-token", SubPath: "x", MountPath: "/var/run/secrets/sts.googleapis.com/serviceaccount"}))},
	},
	"foreign-annotation": {
		{name: "another value", setup: "google", account: inPool(nil), pod: annotatedWith(google.AnnotationCredentials, "{}")},
		{name: "other annotations", setup: "google", account: inPool(nil), pod: annotatedWith("a/b", "c")},
	},
	"bad-annotations": {
		{name: "a client id with a space", setup: "azure", account: client(map[string]string{azure.AnnotationClientID: "a b"}), denied: `annotation azure.workload.identity/client-id is "a b", want letters`},
		{name: "a tenant that is a variable", setup: "azure", account: client(map[string]string{azure.AnnotationTenantID: "$(X)"}), denied: `tenant-id is "$(X)"`},
		{name: "too short in Azure", setup: "azure", account: client(map[string]string{azure.AnnotationTokenExpiration: "3599"}), denied: `is "3599", want whole seconds, 3600 to 86400; the pod's service account is`},
		{name: "too short though the pod's wins", setup: "azure", account: client(map[string]string{azure.AnnotationTokenExpiration: "3599"}), pod: annotatedWith(azure.AnnotationTokenExpiration, "3600"), denied: `is "3599"`},
		{name: "too long on Azure's pod", setup: "azure", account: client(nil), pod: annotatedWith(azure.AnnotationTokenExpiration, "86401"), denied: `is "86401"`},
		{name: "half a provider", setup: "google", account: inPool(map[string]string{google.AnnotationProvider: "projects/1"}), denied: `is "projects/1", want projects/NUMBER`},
		{name: "an address without a provider", setup: "google", account: map[string]string{google.AnnotationEmail: email}, denied: `workload-identity-provider is "", want projects/NUMBER`},
		{name: "an address that breaks out", setup: "google", account: inPool(map[string]string{google.AnnotationEmail: `x@y","z`}), denied: `service-account-email is`},
		{name: "an audience of two lines", setup: "google", account: inPool(map[string]string{google.AnnotationAudience: "a\nb"}), denied: `audience is`},
		{name: "a negative lifetime", setup: "google", account: inPool(map[string]string{google.AnnotationTokenExpiration: "-1"}), denied: `is "-1", want whole seconds, 0 to 4294967296`},
		{name: "an empty lifetime", setup: "google", account: inPool(nil), pod: annotatedWith(google.AnnotationTokenExpiration, ""), denied: `token-expiration is ""`},
		{name: "another mode", setup: "google", account: inPool(map[string]string{google.AnnotationInjectionMode: "sidecar"}), denied: `injection-mode is "sidecar"`},
		{name: "the name of a user", setup: "google", account: inPool(map[string]string{"cloud.google.com/gcloud-run-as-user": "root"}), denied: `gcloud-run-as-user is "root"`},
	},
	"volume-name": {
		{name: "of the pod's name", setup: "azure", account: client(nil)},
	},
	"mount-path-with-dots": {
		{name: "of Windows", setup: "google", account: inPool(nil), pod: foreignMount(`C:\var\run\secrets\sts.googleapis.com\serviceaccount`)},
		{name: "up and down", setup: "azure", account: client(nil), pod: foreignMount("/var/lib/../run/secrets/azure/wi")},
	},
}
