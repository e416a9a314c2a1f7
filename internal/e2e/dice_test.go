package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// dice make pods out of what matters to the mutation, in combinations that nobody has written down.
type dice struct{ *rand.Rand }

func (d dice) pick(of ...string) string { return of[d.IntN(len(of))] }

func (d dice) env() (env []corev1.EnvVar) {
	for range d.IntN(5) {
		e := corev1.EnvVar{
			Name: d.pick("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS",
				"AWS_ROLE_SESSION_NAME", "AWS_EC2_METADATA_DISABLED", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ACCESS_KEY_ID",
				"AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "aws_region", "X"),
			Value: d.pick("", "x", testRole, mutate.DefaultMountPath+"/token", "$(X)", "a$(X)", "true", "/own/token", "/own//token", "/run/secrets/eks.amazonaws.com/./serviceaccount/token", "$(X)$(Y)", "$(X", "$$(X)", "$(X) ", "$()", "http://169.254.170.23/v1/credentials", "http://localhost/"),
		}
		if d.IntN(5) == 0 {
			optional := d.IntN(2) == 0
			e.Value, e.ValueFrom = "", &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "k", Optional: &optional,
			}}
		}
		env = append(env, e)
	}
	return env
}

func (d dice) container(name string) corev1.Container {
	c := corev1.Container{Name: name, Image: "i", Env: d.env()}
	paths := []string{mutate.DefaultMountPath, mutate.DefaultMountPath + "/", mutate.DefaultMountPath + "/token", "/run/secrets/eks.amazonaws.com/serviceaccount",
		"/var/run/secrets/eks.amazonaws.com", "/var/run//secrets/eks.amazonaws.com/serviceaccount", "/own", "/x", "/var/run", "/",
		"/var/run/secrets/eks.amazonaws.com/serviceaccountx", "relative/serviceaccount", "/RUN/secrets"}
	d.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for i := range d.IntN(3) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{
			Name: d.pick("aws-iam-token", "v", "own"), MountPath: paths[i], SubPath: d.pick("", "", "", "token", "x"),
		})
	}
	if d.IntN(4) == 0 {
		c.EnvFrom = []corev1.EnvFromSource{{
			Prefix: d.pick("", "AWS_", "AWS_ROLE", "DB_", "X"), SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}},
		}}
	}
	return c
}

func (d dice) volumes() []corev1.Volume {
	var volumes []corev1.Volume
	token := func() corev1.VolumeProjection {
		seconds := int64(600 + 600*d.IntN(150))
		return corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Path: d.pick("token", "token", "other", "a/token", "./token"), Audience: "sts.amazonaws.com", ExpirationSeconds: &seconds,
		}}
	}
	for _, name := range []string{"v", "own", "aws-iam-token"} {
		if name == "aws-iam-token" && d.IntN(3) > 0 {
			continue
		}
		v := corev1.Volume{Name: name}
		switch d.IntN(4) {
		case 0:
			v.EmptyDir = &corev1.EmptyDirVolumeSource{}
		case 1:
			v.Projected = &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{token()}}
		case 2:
			v.Projected = &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}}, token(),
			}}
		default:
			v.Secret = &corev1.SecretVolumeSource{SecretName: "s"}
		}
		volumes = append(volumes, v)
	}
	d.Shuffle(len(volumes), func(i, j int) { volumes[i], volumes[j] = volumes[j], volumes[i] })
	return volumes
}

func (d dice) pod(namespace, account string, cfg mutate.Config) *corev1.Pod {
	pod := racer(namespace, account, nil)
	pod.Name, pod.GenerateName = "pod", ""
	switch d.IntN(5) {
	case 0:
		pod.Name = strings.Repeat("p", 60+d.IntN(10))
	case 1:
		pod.Name = "p"
	case 2:
		pod.Name, pod.GenerateName = "", d.pick("g-", strings.Repeat("g", 70))
	}
	pod.Labels = map[string]string{"a": "b"}
	pod.Annotations = map[string]string{}
	for name, values := range map[string][]string{
		mutate.AnnotationTokenExpiration: {"0", "-5", "900", "+900", "4294967296"},
		mutate.AnnotationSkipContainers:  {"app", " app , init", "nobody", "", "side,", `"app"`, "\"app\",\"init\"", "app,\n"},
		mutate.AnnotationSessionName:     {"pod-uid", "pod-name", "none"}, mutate.AnnotationDisableEC2Metadata: {"true", "F", "1"},
		mutate.AnnotationUseFIPSEndpoint: {"t", "False"}, mutate.AnnotationUseDualStackEndpoint: {"TRUE", "0"},
	} {
		if d.IntN(6) == 0 {
			pod.Annotations[cfg.AnnotationKey(name)] = values[d.IntN(len(values))]
		}
	}
	pod.Spec.Volumes = d.volumes()
	pod.Spec.InitContainers, pod.Spec.Containers = nil, []corev1.Container{d.container("app")}
	for i := range d.IntN(3) {
		pod.Spec.Containers = append(pod.Spec.Containers, d.container(fmt.Sprint("side-", i)))
	}
	if d.IntN(2) == 0 {
		always := corev1.ContainerRestartPolicyAlways
		init := d.container("init")
		if d.IntN(2) == 0 {
			init.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, init)
	}
	switch d.IntN(6) {
	case 0:
		pod.Spec.OS = &corev1.PodOS{Name: corev1.OSName(d.pick("windows", "linux"))}
	case 1:
		pod.Spec.NodeSelector = map[string]string{d.pick("kubernetes.io/os", "beta.kubernetes.io/os"): d.pick("windows", "linux", "Windows")}
	case 2:
		term := func() corev1.NodeSelectorTerm {
			return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: d.pick("kubernetes.io/os", "beta.kubernetes.io/os", "x"), Operator: corev1.NodeSelectorOperator(d.pick("In", "NotIn")),
				Values: [][]string{{"windows"}, {"linux"}, {"windows", "linux"}}[d.IntN(3)],
			}}}
		}
		terms := []corev1.NodeSelectorTerm{term()}
		if d.IntN(2) == 0 {
			terms = append(terms, term())
		}
		pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
	}
	return pod
}

func (d dice) account(cfg mutate.Config) map[string]string {
	all := map[string]string{}
	for name, values := range map[string][]string{
		mutate.AnnotationRoleARN: {testRole, testRole, testRole, testRole, "", "reader", "team/reader", "/reader", "reader/", "arn:aws:iam::111122223333:role/a//b", "arn:aws:iam::111122223333:role//b",
			"arn:aws:iam::111122223333:role/" + strings.Repeat("r", 64), "arn:aws:iam::111122223333:role/" + strings.Repeat("r", 65), "arn:aws-cn:iam::111122223333:role/r", "arn:aws-x:iam::111122223333:role/r",
			"arn:aws:iam::111122223333:role/" + strings.Repeat("p", 510) + "/r", "arn:aws:iam::111122223333:role/" + strings.Repeat("p", 511) + "/r", "arn:aws:iam::111122223333:role/é/r", "arn:aws:iam::111122223333:role/$(X)/r", "arn:aws:iam::111122223333:role/a$b/r", "arn:aws:iam::111122223333:role/a$$b/r", "arn:aws:iam::111122223333:role/r ", " " + testRole, testRole + "\n",
			"arn:aws:iam::11112222333:role/r", "arn:aws:iam:eu-central-1:111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s", "ARN:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:role/~!/r", "arn:", "a b", "*"},
		mutate.AnnotationAudience:             {"", "x", " ", "ä", "\x00", "\u202e", "a\tb", "\u00a0", "\u2028", "\ufeff", "😀", "sts.amazonaws.com", "'\"\\"},
		mutate.AnnotationRegionalSTS:          {"", "true", "True", "TRUE", "tRUE", "t", "T", "1", "0", "f", "false", "FALSE", "yes", " true"},
		mutate.AnnotationTokenExpiration:      {"", "600", "599", "0", "-0", "+0", "-1", "-99999999999999999999", "4294967296", "4294967297", "9223372036854775807", "9223372036854775808", "1e3", " 600", "600 ", "٣", "0600", "0000000000000000000000600", "+600", "--1", "6_00", "0x258"},
		mutate.AnnotationSessionName:          {"", "pod-uid", "pod-name", "none", "Pod-UID"},
		mutate.AnnotationDisableEC2Metadata:   {"", "true", "0", "x"},
		mutate.AnnotationUseFIPSEndpoint:      {"true", "F", "on"},
		mutate.AnnotationUseDualStackEndpoint: {"true", "False", "2"},
	} {
		if name == mutate.AnnotationRoleARN || d.IntN(4) == 0 {
			all[cfg.AnnotationKey(name)] = d.pick(values...)
		}
	}
	return all
}
