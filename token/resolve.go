package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Kind is where credentials come from. Its text is stable.
type Kind string

const (
	// StaticKeys are an access key in the environment.
	StaticKeys Kind = "static-keys"
	// WebIdentity is a service account token that STS changes for a role's credentials.
	WebIdentity Kind = "web-identity"
	// Container is an endpoint that hands out credentials: EKS Pod Identity, or ECS.
	Container Kind = "container"
)

// ErrNoIdentity is what errors.Is finds when an environment has nothing at all of an identity. The
// node's role, which an SDK would go on to, is not used.
var ErrNoIdentity = errors.New("the environment has no identity of the pod's own, and the node's role is not used")

// ErrHalfIdentity is what errors.Is finds when an environment has a part of an identity: a role
// without a token file, an access key without its secret. A program that took it for no identity
// would run as somebody else.
var ErrHalfIdentity = errors.New("the environment has half an identity")

// The environment variables that decide, as the AWS SDKs read them
// (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html#EVarSettings).
const (
	envRoleARN       = "AWS_ROLE_ARN"
	envTokenFile     = "AWS_WEB_IDENTITY_TOKEN_FILE"
	envSessionName   = "AWS_ROLE_SESSION_NAME"
	envRegion        = "AWS_REGION"
	envDefaultRegion = "AWS_DEFAULT_REGION"
	envRelativeURI   = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	envFullURI       = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	envAuthToken     = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	envAuthTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
	envSTSEndpoints  = "AWS_STS_REGIONAL_ENDPOINTS"
	envProfile       = "AWS_PROFILE"
	envEndpoint      = "AWS_ENDPOINT_URL"
	envSTSEndpoint   = "AWS_ENDPOINT_URL_STS"
	envAccessKey     = "AWS_ACCESS_KEY_ID"
	envSecret        = "AWS_SECRET_ACCESS_KEY"
)

// parts are the variables that make half an identity when they are alone, and what is then missing.
var parts = []struct{ name, lacks string }{
	{envRoleARN, envTokenFile},
	{envSessionName, envRoleARN + " and " + envTokenFile},
	{envAccessKey, envSecret},
	{"AWS_ACCESS_KEY", envSecret},
	{envSecret, envAccessKey},
	{"AWS_SECRET_KEY", envAccessKey},
	{"AWS_SESSION_TOKEN", envAccessKey + " and " + envSecret},
	{envAuthTokenFile, envFullURI},
	{envAuthToken, envFullURI},
}

// Warning is something in an environment that works, but not as it seems to.
type Warning struct {
	// Code is stable and kebab-case: static-keys-shadow-web-identity, static-keys-shadow-container,
	// web-identity-shadows-container, half-static-keys, half-web-identity, no-region,
	// profile-not-read, global-sts-not-used.
	Code Code
	// Message says what was found and what to do.
	Message string
}

// String returns the message with the code.
func (w Warning) String() string { return w.Message + " (" + w.Code + ")" }

// Resolution is the choice among the sources of credentials that an environment names, and the
// reasons. The zero value has no choice in it. It is a plain value; a secret in it is not printed.
type Resolution struct {
	// Kind is the source chosen.
	Kind Kind
	// Reason says why, in terms of the variables.
	Reason string
	// Warnings are what is surprising about it.
	Warnings []Warning

	// Region is AWS_REGION, else AWS_DEFAULT_REGION; "" when neither is set.
	Region string

	// RoleARN, TokenFile and SessionName are a WebIdentity's; SessionName is "" when the
	// environment does not choose one.
	RoleARN     string
	TokenFile   File
	SessionName string

	// Endpoint is a Container's, checked: over plain http only an address on the node.
	Endpoint string
	// AuthorizationFile is the file with the token that the Endpoint asks for; "" when the
	// environment has none.
	AuthorizationFile File

	// AccessKeyID is that of StaticKeys.
	AccessKeyID string

	static        *aws.Credentials // of StaticKeys; a pointer is not printed in depth
	authorization *string          // from the environment itself
}

// Resolve reads a pod's environment and says which source of credentials it names, and why.
// lookup is os.LookupEnv, or a function like it in tests; a variable that is empty counts as absent, as in the
// SDKs, and one with white space alone is half an identity. Nothing is read or called.
//
// The order is that of the AWS SDK for Go: static keys, then AWS_WEB_IDENTITY_TOKEN_FILE, then a
// container's endpoint. Profiles, which are files, are not read. Unlike the SDK, Resolve never goes
// on to the role of the node: when the pod has no identity of its own, errors.Is finds [ErrNoIdentity],
// and when it has only a part of one, [ErrHalfIdentity]. [Configure] knows what to do on a laptop.
func Resolve(lookup func(string) (string, bool)) (Resolution, error) {
	if lookup == nil {
		return Resolution{}, errors.New("token: resolve: lookup is nil: give os.LookupEnv")
	}
	res, err := resolve(lookup)
	if err != nil {
		return Resolution{}, fmt.Errorf("token: resolve: %w", err)
	}
	return res, nil
}

// environment looks a variable up; "" is absent.
type environment func(string) (string, bool)

func (e environment) get(name string) string {
	value, _ := e(name)
	return value
}

// first returns the first of the variables that is there, and its name.
func (e environment) first(names ...string) (value, name string) {
	for _, name := range names {
		if value := e.get(name); value != "" {
			return value, name
		}
	}
	return "", ""
}

func (e environment) has(names ...string) bool {
	value, _ := e.first(names...)
	return value != ""
}

// checkBlank reports a variable of an identity that has only white space. It counts as set although
// nothing has that name, so it would hide the identity that is there.
func checkBlank(env environment) error {
	names := []string{envTokenFile, envRelativeURI, envFullURI}
	for _, part := range parts {
		names = append(names, part.name)
	}
	for _, name := range names {
		if value := env.get(name); value != "" && strings.TrimSpace(value) == "" {
			return fmt.Errorf("%w: %s contains only white space", ErrHalfIdentity, name)
		}
	}
	return nil
}

func resolve(env environment) (Resolution, error) {
	if err := checkBlank(env); err != nil {
		return Resolution{}, err
	}
	res := Resolution{}
	res.Region, _ = env.first(envRegion, envDefaultRegion)
	var err error
	switch static := staticKeys(env); {
	case static.HasKeys():
		res.chooseStatic(env, static)
	case env.has(envTokenFile):
		err = res.chooseWebIdentity(env)
	case env.has(envRelativeURI, envFullURI):
		err = res.chooseContainer(env)
	default:
		err = nothing(env)
	}
	if err != nil {
		return Resolution{}, err
	}
	res.warnOfIgnored(env)
	return res, nil
}

// staticKeys reads both spellings, as the SDK for Go does.
func staticKeys(env environment) aws.Credentials {
	id, _ := env.first(envAccessKey, "AWS_ACCESS_KEY")
	secret, _ := env.first(envSecret, "AWS_SECRET_KEY")
	return aws.Credentials{
		AccessKeyID: id, SecretAccessKey: secret, SessionToken: env.get("AWS_SESSION_TOKEN"), Source: "EnvConfigCredentials",
	}
}

func (res *Resolution) chooseStatic(env environment, keys aws.Credentials) {
	res.Kind, res.AccessKeyID, res.static = StaticKeys, keys.AccessKeyID, &keys
	res.Reason = "an access key and its secret are in the environment, which come before all else"
	const remove = "; remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to have it used"
	if env.has(envTokenFile, envRoleARN) {
		res.warn("static-keys-shadow-web-identity", "the web identity of the pod is not used, because static keys are set"+remove)
	}
	if env.has(envRelativeURI, envFullURI) {
		res.warn("static-keys-shadow-container", "the container's credentials endpoint is not used, because static keys are set"+remove)
	}
}

func (res *Resolution) chooseWebIdentity(env environment) error {
	res.Kind, res.RoleARN, res.TokenFile = WebIdentity, env.get(envRoleARN), File(env.get(envTokenFile))
	res.SessionName = env.get(envSessionName)
	res.Reason = envTokenFile + " and " + envRoleARN + " are set, and no static keys"
	if res.RoleARN == "" {
		return fmt.Errorf("%w: %s is set but %s is not", ErrHalfIdentity, envTokenFile, envRoleARN)
	}
	problems := prefixed(envRoleARN, roleProblems(res.RoleARN, env.has(envSTSEndpoint, envEndpoint)))
	problems = append(problems, sessionProblems(envSessionName, res.SessionName)...)
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if env.has(envRelativeURI, envFullURI) {
		res.warn("web-identity-shadows-container",
			"the container's credentials endpoint is not used, because a web identity is set: keep the one that is meant")
	}
	if res.Region == "" {
		res.warn("no-region", "the region to call STS in is not set: set "+envRegion)
	}
	return nil
}

// nothing is the error of an environment that names no source.
func nothing(env environment) error {
	for _, part := range parts {
		if env.has(part.name) {
			return fmt.Errorf("%w: %s is set but %s is not", ErrHalfIdentity, part.name, part.lacks)
		}
	}
	if profile := env.get(envProfile); profile != "" {
		return fmt.Errorf("%w; %s is %q, but profiles are not read here: use token.Configure", ErrNoIdentity, envProfile, profile)
	}
	return fmt.Errorf("%w: was the pod mutated? None of %s and %s, %s, %s, or a pair of static keys is set; "+
		"on a laptop, set AWS_PROFILE",
		ErrNoIdentity, envRoleARN, envTokenFile, envFullURI, envRelativeURI)
}

// warnOfIgnored names what the environment has and is not used.
func (res *Resolution) warnOfIgnored(env environment) {
	id := env.has(envAccessKey, "AWS_ACCESS_KEY")
	secret := env.has(envSecret, "AWS_SECRET_KEY")
	if id != secret {
		res.warn("half-static-keys", "an access key's id or its secret is set, but not both: it is not used")
	}
	if res.Kind == Container && env.has(envRoleARN) {
		res.warn("half-web-identity", fmt.Sprintf("%s is set but %s is not: the role is not assumed", envRoleARN, envTokenFile))
	}
	if res.Kind != StaticKeys && env.has(envProfile) {
		res.warn("profile-not-read", fmt.Sprintf("%s is set: profiles are not read here; "+
			"the SDK prefers one that has credentials to a container's endpoint", envProfile))
	}
	if strings.EqualFold(env.get(envSTSEndpoints), "legacy") {
		res.warn("global-sts-not-used", envSTSEndpoints+" is legacy, but this SDK always calls STS in the region")
	}
}

func (res *Resolution) warn(code, message string) {
	res.Warnings = append(res.Warnings, Warning{Code: code, Message: message})
}

// HasWarning says whether there is a warning of that code.
func (res Resolution) HasWarning(code string) bool {
	return slices.ContainsFunc(res.Warnings, func(w Warning) bool { return w.Code == code })
}

// String says what was chosen and why, with the warnings.
func (res Resolution) String() string {
	if res.Kind == "" {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", res.Kind, res.Reason)
	for _, w := range res.Warnings {
		fmt.Fprintf(&b, "\n  warning: %s", w)
	}
	return b.String()
}

// prefixed puts the name of what they are about before errors.
func prefixed(name string, errs []error) []error {
	for i, err := range errs {
		errs[i] = fmt.Errorf("%s: %w", name, err)
	}
	return errs
}
