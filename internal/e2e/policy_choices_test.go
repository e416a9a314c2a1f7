package e2e_test

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// The annotations with which an account and a pod choose for themselves.
const (
	sessionName     = "session-name"
	withoutMetadata = "disable-ec2-metadata"
	dualStack       = "use-dualstack-endpoint"
	fips            = "use-fips-endpoint"
)

var (
	allChosen    = annotations{sessionName: "pod-uid", withoutMetadata: "true", dualStack: "T", fips: "1"}
	nothingAtAll = annotations{sessionName: "none", withoutMetadata: "false", dualStack: "F", fips: "0"}
	allOn        = mutate.Config{SessionName: mutate.SessionNamePodUID, DisableEC2Metadata: true, UseDualStackEndpoint: true, UseFIPSEndpoint: true}
	strict       = mutate.Config{BadAnnotations: mutate.RefuseAllBad}
	lenient      = mutate.Config{BadAnnotations: mutate.WarnAllBad, UseFIPSEndpoint: true}
)

var comparedChoices = []featureCase{
	{name: "of the account", account: annotated(allChosen)},
	{name: "of the pod", account: annotated(nil), pod: withAnnotations(allChosen)},
	{name: "of the configuration", cfg: allOn, account: annotated(nil)},
	{name: "the account wins", cfg: allOn, account: annotated(nothingAtAll)},
	{name: "the pod wins", cfg: allOn, account: annotated(nothingAtAll), pod: withAnnotations(allChosen)},
	{name: "the pod wins against all", cfg: allOn, account: annotated(allChosen), pod: withAnnotations(nothingAtAll)},
	{name: "one of each", account: annotated(annotations{sessionName: "pod-name", fips: "true"}), pod: withAnnotations(annotations{dualStack: "true"})},
	{name: "the name does not fit", account: annotated(annotations{sessionName: "pod-name"}), pod: both(named("w"), withAnnotations(annotations{fips: "TRUE"}))},
	{name: "the pod asks for the name", cfg: allOn, account: annotated(nil), pod: withAnnotations(annotations{sessionName: "pod-name"})},
	{name: "the pod's are bad", account: annotated(allChosen), pod: withAnnotations(annotations{sessionName: "", withoutMetadata: "yes", dualStack: "", fips: " true"})},
	{name: "the pod's are bad, and Config decides", cfg: allOn, account: annotated(nil), pod: withAnnotations(annotations{sessionName: "uid", withoutMetadata: "TrUe"})},
	{name: "the account's are bad, and Config decides", cfg: lenient, account: annotated(annotations{sessionName: "uid", withoutMetadata: "yes", fips: "x"})},
	{name: "set already", cfg: allOn, account: annotated(nil), pod: containerEnv("AWS_USE_DUALSTACK_ENDPOINT", "false", "AWS_USE_FIPS_ENDPOINT", "", "AWS_ROLE_SESSION_NAME", "own")},
	{name: "in a conflict", account: annotated(allChosen), pod: containerEnv("AWS_ROLE_ARN", "own")},
	{name: "where everything is there", account: annotated(allChosen), pod: containerEnv("AWS_ROLE_ARN", "own", "AWS_WEB_IDENTITY_TOKEN_FILE", "/own", "AWS_REGION", "x", "AWS_STS_REGIONAL_ENDPOINTS", "legacy")},
	{name: "with its own at our path", account: annotated(allChosen), pod: ownAtOurPath},
	{name: "not where skipped", account: annotated(allChosen), pod: podAnnotation("skip-containers", "app")},
	{name: "of an account without a role", account: allChosen},
	{name: "a bad name for the session", account: annotated(annotations{sessionName: "uid"}), denied: `session-name is "uid", want pod-uid, pod-name or none; the pod's service account is`},
	{name: "a bad switch", account: annotated(annotations{withoutMetadata: "yes"}), denied: `disable-ec2-metadata is "yes", want true or false`},
	{name: "a bad endpoint", account: annotated(annotations{dualStack: ""}), denied: `use-dualstack-endpoint is "", want true or false`},
	{name: "a bad one, whatever the pod says", account: annotated(annotations{fips: "yes"}), pod: withAnnotations(allChosen), denied: `use-fips-endpoint is "yes"`},
	{name: "a bad lifetime, whatever the pod says", account: annotated(annotations{"token-expiration": "1h"}), pod: podAnnotation("token-expiration", "900"), denied: `token-expiration is "1h"`},
	{name: "a bad one of the pod", cfg: strict, account: annotated(nil), pod: podAnnotation(sessionName, "uid"), denied: `session-name is "uid"`},
	{name: "a bad switch of the pod", cfg: strict, account: annotated(allChosen), pod: podAnnotation(fips, "yes"), denied: `use-fips-endpoint is "yes"`},
}

// withAnnotations gives the pod annotations, named without their prefix.
func withAnnotations(all annotations) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = annotationsOf(mutate.Config{}, all) }
}
