package mutate_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

var shapes = flag.Int("shapes", 300, "how many pods TestTheLawsHoldForManyShapes tries")

// shape makes JSON out of choices, so that fuzzing reaches pods that make sense.
type shape struct{ choices []byte }

func (s *shape) choose(of int) int {
	if len(s.choices) == 0 {
		return 0
	}
	c := int(s.choices[0])
	s.choices = s.choices[1:]
	return c % of
}

func (s *shape) pick(of ...string) string { return of[s.choose(len(of))] }

// list writes up to three elements, or null.
func (s *shape) list(element func() string) string {
	n := s.choose(5)
	if n == 4 {
		return "null"
	}
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element()
	}
	return "[" + strings.Join(elements, ",") + "]"
}

// object writes members in either order, leaving some out.
func (s *shape) object(members ...string) string {
	var kept []string
	for _, m := range members {
		switch s.choose(4) {
		case 0, 1:
			kept = append(kept, m)
		case 2:
			kept = append([]string{m}, kept...)
		}
	}
	return "{" + strings.Join(kept, s.pick(",", " ,\n ")) + "}"
}

func (s *shape) pod() string {
	return s.object(
		`"metadata":`+s.object(
			`"name":"p"`, `"generateName":"p-"`,
			`"labels":`+s.pick(`null`, `{}`, `{"a":"b"}`, `{"eks.amazonaws.com\/pod-identity":"no"}`),
			`"annotations":`+s.object(
				`"eks.amazonaws.com/token-expiration":`+s.pick(`"900"`, `"x"`, `"-1"`, `null`, `"99999999999"`),
				`"eks.amazonaws.com/skip-containers":`+s.pick(`"a"`, `"a, b"`, `"\""`, `"nobody"`),
				`"other":"x"`)),
		`"spec":`+s.object(
			`"containers":`+s.list(s.container),
			`"initContainers":`+s.list(s.container),
			`"volumes":`+s.list(s.volume),
			`"os":`+s.object(`"name":`+s.pick(`"windows"`, `"linux"`)),
			`"nodeSelector":`+s.object(`"kubernetes.io/os":`+s.pick(`"windows"`, `"linux"`)),
			`"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":`+s.list(s.term)+`}}}`,
			`"x":0`))
}

func (s *shape) term() string {
	return s.object(`"matchExpressions":` + s.list(func() string {
		return s.object(`"key":`+s.pick(`"kubernetes.io/os"`, `"beta.kubernetes.io/os"`, `"x"`),
			`"operator":`+s.pick(`"In"`, `"NotIn"`), `"values":`+s.list(func() string { return s.pick(`"windows"`, `"linux"`) }))
	}))
}

func (s *shape) container() string {
	return s.object(
		`"name":`+s.pick(`"a"`, `"b"`, `"\u0061"`),
		`"env":`+s.list(func() string {
			name := s.pick("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_STS_REGIONAL_ENDPOINTS",
				"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_ACCESS_KEY_ID", "X", `AWS_\u0052EGION`,
				"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "HTTP_PROXY", "no_proxy", "AWS_EC2_METADATA_DISABLED")
			value := s.pick("x", "", role, mutate.DefaultMountPath+"/token", "/run/secrets/eks.amazonaws.com/serviceaccount/token",
				`C:\\var\\run\\secrets\\eks.amazonaws.com\\serviceaccount\\token`, mutate.PodIdentityURI, "$(X)", "a$(X)", "/x/token", "169.254.0.0/16")
			return s.object(`"name":"`+name+`"`, `"value":"`+value+`"`, s.pick(`"valueFrom":null`, `"valueFrom":{"secretKeyRef":{"optional":`+s.pick("true", "false")+`}}`,
				`"valueFrom":{"fieldRef":{"fieldPath":"metadata.`+s.pick("uid", "labels['x']")+`"}}`))
		}),
		`"envFrom":`+s.list(func() string { return s.object(`"prefix":` + s.pick(`""`, `"AWS_"`, `"X"`)) }),
		`"volumeMounts":`+s.list(func() string {
			return s.object(`"name":`+s.volumeName(), `"mountPath":"`+s.pick(mutate.DefaultMountPath, mutate.DefaultMountPath+"/", "/x", mutate.PodIdentityDefaultMountPath,
				mutate.DefaultMountPath+"/token", "/run/secrets/eks.amazonaws.com/./serviceaccount", `C:\\var\\run\\secrets\\eks.amazonaws.com\\ServiceAccount`, "/", "/var/run")+`"`,
				`"subPath":"`+s.pick("", "token", "x")+`"`, `"subPathExpr":"`+s.pick("", "$(X)")+`"`)
		}),
		`"volumeDevices":`+s.list(func() string { return `{"name":"d","devicePath":"` + s.pick("/x", mutate.DefaultMountPath) + `"}` }))
}

func (s *shape) volumeName() string {
	return s.pick(`"aws-iam-token"`, `"v"`, `"eks-pod-identity-token"`)
}

func (s *shape) volume() string {
	return s.object(`"name":`+s.volumeName(), `"emptyDir":{}`, `"projected":`+s.object(`"sources":`+s.list(func() string {
		return s.object(`"serviceAccountToken":`+s.object(`"path":`+s.pick(`"token"`, `"eks-pod-identity-token"`, `"x"`),
			`"audience":`+s.pick(`"sts.amazonaws.com"`, `"pods.eks.amazonaws.com"`, `"x"`), `"expirationSeconds":`+s.pick(`86400`, `900`, `null`)),
			`"configMap":{"name":"c"}`)
	})))
}

func FuzzShapes(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte("a pod of some kind, and then another with more of everything in it"), uint8(3))
	f.Add([]byte(strings.Repeat("\x00\x01\x02\x03\x01\x00\x02", 40)), uint8(9))
	m := []*mutate.Mutator{
		newMutator(f, mutate.Config{}),
		newMutator(f, mutate.Config{Region: "eu-central-1", SessionName: mutate.SessionNamePodName, DisableEC2Metadata: true}),
	}
	f.Fuzz(func(t *testing.T, choices []byte, how uint8) {
		checkShape(t, m[int(how)/4%2], choices, lawIdentities[int(how)%len(lawIdentities)])
	})
}

func checkShape(t *testing.T, m *mutate.Mutator, choices []byte, id mutate.Identity) {
	t.Helper()
	s := shape{choices: choices}
	pod := []byte(s.pod())
	require.True(t, json.Valid(pod), "%s", pod)
	checkLaws(t, m, pod, id)
}

func TestTheLawsHoldForManyShapes(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{Region: "eu-central-1", DisableEC2Metadata: true})
	random := rand.New(rand.NewPCG(1, 2))
	choices := make([]byte, 600)
	for i := range *shapes {
		for j := range choices {
			choices[j] = byte(random.Uint32())
		}
		checkShape(t, m, choices, lawIdentities[i%len(lawIdentities)])
	}
}
