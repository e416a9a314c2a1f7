package e2e_test

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// featureCase shows one feature on one pod.
type featureCase struct {
	name    string
	cfg     mutate.Config
	account map[string]string // annotations, without their prefix
	pod     func(*corev1.Pod)
	denied  string // what the denial says; "": the pods are compared
}

type annotations = map[string]string

func annotated(with annotations) annotations {
	all := annotations{"role-arn": testRole}
	for key, value := range with {
		all[key] = value
	}
	return all
}

func podAnnotation(name, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = map[string]string{"eks.amazonaws.com/" + name: value} }
}

func env(pairs ...string) (all []corev1.EnvVar) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, corev1.EnvVar{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func containerEnv(pairs ...string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Env = env(pairs...) }
}

func foreignMount(path string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: "own"}}
		p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "own", MountPath: path}}
	}
}

func requiresNodes(terms ...[]string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		selector := &corev1.NodeSelector{}
		for _, systems := range terms {
			selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, corev1.NodeSelectorTerm{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: systems}},
			})
		}
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: selector}}
	}
}

// comparedFeatures are the features that a pod's creation shows, each by one or more pods.
var comparedFeatures = map[string][]featureCase{
	"role-arn": {
		{name: "annotated", account: annotated(nil)},
		{name: "not annotated", account: annotations{"audience": "x"}},
		{name: "annotated with nothing", account: annotations{"role-arn": ""}},
		{name: "with a path, in China", account: annotations{"role-arn": "arn:aws-cn:iam::111122223333:role/a/b/app"}},
	},
	"role-by-name": {
		{name: "a name", cfg: mutate.Config{RoleAccountID: "111122223333"}, account: annotations{"role-arn": "app"}},
		{name: "a name with a path", cfg: mutate.Config{RoleAccountID: "111122223333", RolePartition: "aws-us-gov"}, account: annotations{"role-arn": "team/app"}},
		{name: "an ARN all the same", cfg: mutate.Config{RoleAccountID: "444455556666"}, account: annotated(nil)},
	},
	"audience": {
		{name: "of the account", account: annotated(annotations{"audience": "it's \\ a \"test\""})},
		{name: "empty", account: annotated(annotations{"audience": ""})},
		{name: "of the configuration", cfg: mutate.Config{Audience: "o'ther\\"}, account: annotated(nil)},
	},
	"regional-sts": {
		{name: "on", account: annotated(annotations{"sts-regional-endpoints": "T"})},
		{name: "off", cfg: mutate.Config{RegionalSTS: true}, account: annotated(annotations{"sts-regional-endpoints": "0"})},
		{name: "on for all", cfg: mutate.Config{RegionalSTS: true}, account: annotated(nil)},
		{name: "bad, and the default applies", cfg: mutate.Config{RegionalSTS: true, BadAnnotations: mutate.WarnAllBad}, account: annotated(annotations{"sts-regional-endpoints": "yes"})},
	},
	"token-expiration": {
		{name: "of the account", account: annotated(annotations{"token-expiration": "7200"})},
		{name: "with a sign", account: annotated(annotations{"token-expiration": "+7200"})},
		{name: "raised", account: annotated(annotations{"token-expiration": "-1"})},
		{name: "the pod wins", account: annotated(annotations{"token-expiration": "7200"}), pod: podAnnotation("token-expiration", "900")},
		{name: "the pod's is bad", account: annotated(annotations{"token-expiration": "7200"}), pod: podAnnotation("token-expiration", "1h")},
		{name: "the pod's is too long", account: annotated(nil), pod: podAnnotation("token-expiration", "4294967297")},
		{name: "the pod's exceeds 64 bits", account: annotated(nil), pod: podAnnotation("token-expiration", "99999999999999999999")},
		{name: "of the configuration", cfg: mutate.Config{TokenExpiration: time.Hour}, account: annotated(nil)},
	},
	"skip-containers": {
		{name: "one", account: annotated(nil), pod: podAnnotation("skip-containers", "app")},
		{name: "all", account: annotated(nil), pod: podAnnotation("skip-containers", "init, app ,other")},
		{name: "in quotes", account: annotated(nil), pod: podAnnotation("skip-containers", `"app","init"`)},
		{name: "empty", account: annotated(nil), pod: podAnnotation("skip-containers", "")},
	},
	"region": {
		{name: "added", cfg: mutate.EKS("eu-central-1"), account: annotated(nil)},
		{name: "one is set", cfg: mutate.EKS("eu-central-1"), account: annotated(nil), pod: containerEnv("AWS_DEFAULT_REGION", "us-east-1")},
	},
	"mount-path": {
		{name: "another", cfg: mutate.Config{MountPath: "/var/run/other.d/aws"}, account: annotated(nil)},
		{name: "another on Windows", cfg: mutate.Config{MountPath: "/var/run/other.d/aws"}, account: annotated(nil), pod: onWindows},
	},
	"init-containers": {
		{name: "a native sidecar", account: annotated(nil), pod: func(p *corev1.Pod) {
			always := corev1.ContainerRestartPolicyAlways
			p.Spec.InitContainers[0].RestartPolicy = &always
		}},
	},
	"windows": {
		{name: "spec.os", account: annotated(nil), pod: onWindows},
		{name: "spec.os wins", account: annotated(nil), pod: func(p *corev1.Pod) {
			p.Spec.OS = &corev1.PodOS{Name: corev1.Linux}
			p.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "windows"}
		}},
		{name: "node selector", account: annotated(nil), pod: func(p *corev1.Pod) {
			p.Spec.NodeSelector = map[string]string{"beta.kubernetes.io/os": "windows"}
		}},
		{name: "affinity", account: annotated(nil), pod: requiresNodes([]string{"windows"}, []string{"windows"})},
		{name: "affinity of one term only", account: annotated(nil), pod: requiresNodes([]string{"windows"}, []string{"linux"})},
		{name: "affinity to either", account: annotated(nil), pod: requiresNodes([]string{"windows", "linux"})},
	},
	"partial-identity": {
		{name: "the role alone", cfg: mutate.EKS("eu-central-1"), account: annotated(nil), pod: containerEnv("AWS_ROLE_ARN", "own")},
		{name: "the file alone", cfg: mutate.Config{DisableEC2Metadata: true}, account: annotated(nil), pod: containerEnv("AWS_WEB_IDENTITY_TOKEN_FILE", "/own")},
		{name: "in every container", account: annotated(nil), pod: func(p *corev1.Pod) {
			p.Spec.InitContainers = nil
			p.Spec.Containers[0].Env = env("AWS_ROLE_ARN", "own")
		}},
	},
	"foreign-volume": {
		{name: "an emptyDir", account: annotated(nil), pod: func(p *corev1.Pod) { p.Spec.Volumes = []corev1.Volume{{Name: mutate.VolumeName}} }},
		{name: "a token at another path", account: annotated(nil), pod: withTokenVolume("other")},
		{name: "ours with another audience", account: annotated(nil), pod: withTokenVolume("token")},
	},
	"foreign-mount": {
		{name: "at our path", account: annotated(nil), pod: foreignMount(mutate.DefaultMountPath)},
		{name: "with a slash more", account: annotated(nil), pod: foreignMount(mutate.DefaultMountPath + "/")},
		{name: "with slashes and dots", account: annotated(nil), pod: foreignMount("/var//run/./secrets/eks.amazonaws.com/serviceaccount/.")},
		{name: "below it", account: annotated(nil), pod: foreignMount(mutate.DefaultMountPath + "/more")},
		{name: "where dots are not wildcards", account: annotated(nil), pod: foreignMount("/var/run/secrets/eks-amazonaws-com/serviceaccount")},
	},
	"present": {
		{name: "all of it", cfg: mutate.EKS("eu-central-1"), account: annotated(nil), pod: containerEnv("AWS_ROLE_ARN", "own", "AWS_WEB_IDENTITY_TOKEN_FILE", "/own", "AWS_REGION", "x", "AWS_STS_REGIONAL_ENDPOINTS", "legacy")},
		{name: "all but the region", cfg: mutate.EKS("eu-central-1"), account: annotated(nil), pod: containerEnv("AWS_ROLE_ARN", "own", "AWS_WEB_IDENTITY_TOKEN_FILE", "/own")},
		{name: "its own at our path", cfg: mutate.EKS("eu-central-1"), account: annotated(nil), pod: ownAtOurPath},
		{name: "with our volume's name taken", cfg: mutate.EKS("eu-central-1"), account: annotated(nil), pod: func(p *corev1.Pod) {
			containerEnv("AWS_ROLE_ARN", "own", "AWS_WEB_IDENTITY_TOKEN_FILE", "/own")(p)
			p.Spec.Volumes = []corev1.Volume{{Name: mutate.VolumeName}}
		}},
		{name: "all but the region, which nobody wants", account: annotated(nil), pod: containerEnv("AWS_ROLE_ARN", "own", "AWS_WEB_IDENTITY_TOKEN_FILE", "/own")},
	},
	"session-name": {
		{name: "the UID", cfg: mutate.Config{SessionName: mutate.SessionNamePodUID}, account: annotated(nil)},
		{name: "the name", cfg: mutate.Config{SessionName: mutate.SessionNamePodName}, account: annotated(nil), pod: named("web-0")},
		{name: "a name too short", cfg: mutate.Config{SessionName: mutate.SessionNamePodName}, account: annotated(nil), pod: named("w")},
		{name: "a generated name", cfg: mutate.Config{SessionName: mutate.SessionNamePodName}, account: annotated(nil), pod: func(p *corev1.Pod) { p.Name, p.GenerateName = "", "web-" }},
		{name: "set already", cfg: mutate.Config{SessionName: mutate.SessionNamePodUID}, account: annotated(nil), pod: containerEnv("AWS_ROLE_SESSION_NAME", "own")},
	},
	"ec2-metadata": {
		{name: "added", cfg: mutate.Config{DisableEC2Metadata: true}, account: annotated(nil)},
		{name: "set already", cfg: mutate.Config{DisableEC2Metadata: true}, account: annotated(nil), pod: containerEnv("AWS_EC2_METADATA_DISABLED", "false")},
		{name: "not where skipped", cfg: mutate.Config{DisableEC2Metadata: true}, account: annotated(nil), pod: podAnnotation("skip-containers", "app")},
	},
	"bad-account-annotations": {
		{name: "no ARN", account: annotations{"role-arn": "app"}, denied: `annotation eks.amazonaws.com/role-arn is "app", want arn:PARTITION:iam::ACCOUNT:role/NAME; the pod's service account is`},
		{name: "no role", account: annotations{"role-arn": "arn:aws:iam::111122223333:user/app"}, denied: `role-arn is "arn:aws:iam::111122223333:user/app"`},
		{name: "no partition", account: annotations{"role-arn": "arn:awsx:iam::111122223333:role/app"}, denied: `role-arn is`},
		{name: "a newline", account: annotations{"role-arn": testRole + "\n"}, denied: `role-arn is`},
		{name: "no boolean", account: annotated(annotations{"sts-regional-endpoints": "yes"}), denied: `sts-regional-endpoints is "yes", want true or false`},
		{name: "no number", account: annotated(annotations{"token-expiration": "1h"}), denied: `token-expiration is "1h", want whole seconds, 600 to 4294967296`},
		{name: "no number though the pod's wins", account: annotated(annotations{"token-expiration": "1h"}), pod: podAnnotation("token-expiration", "900"), denied: `token-expiration is "1h"`},
		{name: "no plain audience", account: annotated(annotations{"audience": "a\nb"}), denied: `audience is`},
		{name: "on the pod too", cfg: mutate.Config{BadAnnotations: mutate.RefuseAllBad}, account: annotated(nil), pod: podAnnotation("token-expiration", "1h"), denied: `token-expiration is "1h"`},
		{name: "no ARN though others may be bad", cfg: mutate.Config{BadAnnotations: mutate.WarnAllBad}, account: annotations{"role-arn": "/app"}, denied: `role-arn is`},
	},
	"choices": comparedChoices,
	"broken-skip-containers": {
		{name: "no CSV", account: annotated(nil), pod: podAnnotation("skip-containers", `app"`)},
	},
	"mount-path-with-dots": {
		{name: "of Windows", account: annotated(nil), pod: both(onWindows, foreignMount(`\var\run\secrets\eks.amazonaws.com\serviceaccount`))},
		{name: "up and down", account: annotated(nil), pod: foreignMount("/var/lib/../run/secrets/eks.amazonaws.com/serviceaccount")},
	},
}

func onWindows(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }

func ownAtOurPath(p *corev1.Pod) {
	containerEnv("AWS_ROLE_ARN", "own", "AWS_WEB_IDENTITY_TOKEN_FILE", mutate.DefaultMountPath+"/token")(p)
	foreignMount(mutate.DefaultMountPath)(p)
}

func named(name string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Name = name } }

func withTokenVolume(path string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: mutate.VolumeName, VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
				ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: "another", Path: path},
			}}},
		}}}
	}
}
