package mutate

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/literal"
	"github.com/irsa-go/irsa/internal/partition"
	"github.com/irsa-go/irsa/internal/printable"
)

// Config says what one cluster wants of the mutation. The zero value does what the binary of the
// EKS pod identity webhook does without flags, except that bad annotations are errors. [EKS]
// returns what EKS itself runs.
//
// A Config is data: it may be copied, and nothing in this package writes to it.
type Config struct {
	// Region is the value of AWS_REGION and AWS_DEFAULT_REGION, for containers that set
	// neither. "": they are not added.
	Region string

	// RegionalSTS is the default of the annotation sts-regional-endpoints: true adds
	// AWS_STS_REGIONAL_ENDPOINTS=regional, for SDKs that would call STS in us-east-1.
	RegionalSTS bool

	// Audience is the default of the annotation audience. "": sts.amazonaws.com.
	Audience string

	// TokenExpiration is the default of the annotation token-expiration, in whole seconds
	// from MinTokenExpiration to MaxTokenExpiration. 0: 24 h.
	TokenExpiration time.Duration

	// MountPath is the directory that WebIdentity tokens are mounted at, an absolute clean
	// path with slashes, for Windows too. "": DefaultMountPath.
	MountPath string

	// AnnotationDomain is the annotations' prefix without its slash, a DNS subdomain.
	// "": eks.amazonaws.com.
	AnnotationDomain string

	// BadAnnotations says what happens when an annotation's value cannot be read. Zero:
	// RefuseBadAccounts.
	BadAnnotations BadAnnotations

	// RoleAccountID composes roles that are given by name: a role-arn "team/reader" becomes
	// arn:RolePartition:iam::RoleAccountID:role/team/reader. "": a role-arn must be an ARN.
	RoleAccountID string

	// RolePartition is the partition of composed roles. "": the partition of Region, and
	// "aws" without one.
	RolePartition string

	// RoleRule composes the role of a pod that asks for it, by the label role-by-rule=true, from
	// its namespace and service account: no account is looked up, so none is missed.
	// PodIdentityAccounts win over it. The zero value: no pod gets a role by rule.
	RoleRule RoleRule

	// RoleRuleForEveryPod gives the role by rule to every pod, with or without the label: select
	// the namespaces in the webhook's or the policy's objects. False: pods ask for it.
	RoleRuleForEveryPod bool

	// SessionName is the default of the annotation session-name: it adds
	// AWS_ROLE_SESSION_NAME, so that CloudTrail names the pod.
	// Zero: it is not added, and each SDK makes a name of its own.
	SessionName SessionName

	// DisableEC2Metadata is the default of the annotation disable-ec2-metadata: true adds
	// AWS_EC2_METADATA_DISABLED=true to every container that is not
	// skipped by annotation, conflicts included: SDKs that honour it cannot fall back to the
	// node's role when the pod's own fails.
	DisableEC2Metadata bool

	// UseDualStackEndpoint is the default of the annotation use-dualstack-endpoint: true adds
	// AWS_USE_DUALSTACK_ENDPOINT=true, for SDKs to call STS and every other service at
	// endpoints with IPv6, such as sts.eu-central-1.api.aws. Not every service has one
	// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html).
	UseDualStackEndpoint bool

	// UseFIPSEndpoint is the default of the annotation use-fips-endpoint: true adds
	// AWS_USE_FIPS_ENDPOINT=true. SDKs compose the names of FIPS endpoints for regions that
	// have none, too: calls fail there.
	UseFIPSEndpoint bool

	// Defaults are the settings of accounts and namespaces that annotations do not set.
	Defaults []Default

	// WholeDefaults reads Defaults as the EKS webhook reads its ConfigMap. An account whose
	// role-arn annotation is not empty takes nothing from them. Any other account takes all its
	// settings from the first Default that matches, in the order of Default, and none from its
	// annotations; RegionalSTS nil is false there, and a Default without a role gives none. One
	// thing differs: without an Audience, the EKS webhook projects a token for the API server
	// itself, and this package one for Config.Audience.
	//
	// False: each setting comes from where it is given first, the annotations before Defaults,
	// and an empty role-arn annotation takes the account out of all Defaults.
	WholeDefaults bool

	// AllowNamespaceGlobs admits '*' in the namespaces of Defaults. Whoever may create a
	// namespace that matches can then take the identities given there. False: refused.
	AllowNamespaceGlobs bool

	// PodIdentityAccounts are the service accounts that get EKS Pod Identity. It wins over
	// their role-arn.
	PodIdentityAccounts []Target

	// PodIdentityMountPath is MountPath for PodIdentity tokens.
	// "": PodIdentityDefaultMountPath.
	PodIdentityMountPath string

	// PodIdentityIPv6 uses the agent's IPv6 address, for clusters without IPv4.
	PodIdentityIPv6 bool
}

// EKS returns what EKS runs in a region: the region's variables and regional STS on.
func EKS(region string) Config {
	return Config{Region: region, RegionalSTS: true}
}

// BadAnnotations says what happens when an annotation's value cannot be read. A bad role-arn is an
// error in any case, because it has no default.
type BadAnnotations uint8

const (
	// RefuseBadAccounts makes them errors on the ServiceAccount; on the Pod they are
	// warnings, and the default applies.
	RefuseBadAccounts BadAnnotations = iota
	// RefuseAllBad makes them errors on both.
	RefuseAllBad
	// WarnAllBad makes them warnings on both, and the default applies.
	WarnAllBad
)

// SessionName says where AWS_ROLE_SESSION_NAME comes from.
type SessionName uint8

const (
	// NoSessionName says nothing: for Config it means none, and for an Identity that of
	// Config.
	NoSessionName SessionName = iota
	// SessionNamePodUID takes the pod's UID, which fits every rule of STS.
	SessionNamePodUID
	// SessionNamePodName takes the pod's name where it is known to have 2 to 64 characters,
	// as every generated name has, and the UID elsewhere.
	SessionNamePodName
	// SessionNameOmitted adds none, whatever Config says.
	SessionNameOmitted
)

// AnnotationKey returns the whole key of an annotation or label of this package.
func (c Config) AnnotationKey(name string) string {
	return c.annotationDomain() + "/" + name
}

// Resolved returns c with every default written out, having checked it as [New] does.
// Slices are shared with c.
func (c Config) Resolved() (Config, error) {
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("mutate: %w", err)
	}
	c.Audience, c.AnnotationDomain = c.audience(), c.annotationDomain()
	c.TokenExpiration = c.tokenExpiration()
	c.MountPath, c.PodIdentityMountPath = c.mountPath(WebIdentity), c.mountPath(PodIdentity)
	if c.RoleAccountID != "" {
		c.RolePartition = c.rolePartition()
	}
	if c.SessionName == SessionNameOmitted {
		c.SessionName = NoSessionName
	}
	return c, nil
}

func (c Config) annotationDomain() string { return orElse(c.AnnotationDomain, DefaultAnnotationDomain) }

func (c Config) audience() string { return orElse(c.Audience, DefaultAudience) }

func (c Config) tokenExpiration() time.Duration {
	if c.TokenExpiration == 0 {
		return DefaultTokenExpiration
	}
	return c.TokenExpiration
}

func (c Config) mountPath(m Method) string {
	if m == PodIdentity {
		return orElse(c.PodIdentityMountPath, PodIdentityDefaultMountPath)
	}
	return orElse(c.MountPath, DefaultMountPath)
}

func (c Config) rolePartition() string {
	if c.RolePartition != "" {
		return c.RolePartition
	}
	if p, ok := partition.ByRegion(c.Region); ok {
		return p.Name
	}
	return "aws"
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// check reports everything wrong with c, joined.
func (c Config) check() error {
	var errs []error
	fail := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("config: %s: %w", field, err))
		}
	}
	if _, ok := partition.ByRegion(c.Region); c.Region != "" && !ok {
		fail("Region", fmt.Errorf(`%q is not a region, want one such as "eu-central-1"`, c.Region))
	}
	fail("Audience", checkAudience(c.Audience))
	fail("TokenExpiration", checkExpirationDefault(c.TokenExpiration))
	fail("MountPath", checkMountPath(c.MountPath))
	fail("PodIdentityMountPath", checkMountPath(c.PodIdentityMountPath))
	if c.mountPath(WebIdentity) == c.mountPath(PodIdentity) {
		fail("PodIdentityMountPath", errors.New("it must differ from MountPath"))
	}
	if d := c.AnnotationDomain; d != "" && kubename.CheckServiceAccount(d) != nil {
		fail("AnnotationDomain", fmt.Errorf(`%q is not a DNS subdomain, want one such as "eks.amazonaws.com"`, d))
	}
	if c.BadAnnotations > WarnAllBad {
		fail("BadAnnotations", fmt.Errorf("%d is unknown", c.BadAnnotations))
	}
	if c.SessionName > SessionNameOmitted {
		fail("SessionName", fmt.Errorf("%d is unknown", c.SessionName))
	}
	if c.RoleAccountID != "" {
		fail("RoleAccountID", arn.CheckAccountID(c.RoleAccountID))
	}
	if c.RolePartition != "" {
		fail("RolePartition", arn.CheckPartition(c.RolePartition))
	}
	if !c.RoleRule.IsZero() {
		fail("RoleRule", c.RoleRule.Check())
	} else if c.RoleRuleForEveryPod {
		fail("RoleRuleForEveryPod", errNoRule)
	}
	errs = append(errs, c.checkDefaults()...)
	errs = append(errs, c.checkPodIdentityAccounts()...)
	return errors.Join(errs...)
}

func (c Config) checkPodIdentityAccounts() (errs []error) {
	for i, t := range c.PodIdentityAccounts {
		for _, err := range []error{
			kubename.CheckNamespace(t.Namespace), kubename.CheckServiceAccount(t.ServiceAccount),
		} {
			if err != nil {
				errs = append(errs, fmt.Errorf("config: PodIdentityAccounts[%d]: %w", i, err))
			}
		}
	}
	return errs
}

// checkMountPath admits what is valid as a mountPath, where the API server refuses a colon, and is left
// as it is in the value of a variable.
func checkMountPath(p string) error {
	switch {
	case p == "":
		return nil
	case p[0] != '/' || p == "/" || path.Clean(p) != p || strings.ContainsAny(p, `:\`) || !literal.Is(p) || !printable.Is(p):
		return fmt.Errorf(`%q is not a mount path, want an absolute one such as %q, clean and without ':', '\', "$(" and "$$"`, p, DefaultMountPath)
	}
	return nil
}

// checkAudience admits any printable text; "" stands for the default.
func checkAudience(a string) error {
	if !printable.Is(a) {
		return fmt.Errorf("audience %q must be printable UTF-8", a)
	}
	return nil
}

func checkExpirationDefault(d time.Duration) error {
	switch {
	case d == 0:
		return nil
	case d < MinTokenExpiration || d > MaxTokenExpiration || d%time.Second != 0:
		return fmt.Errorf("%v is not a whole number of seconds from %d to %d",
			d, MinTokenExpiration/time.Second, int64(MaxTokenExpiration/time.Second))
	}
	return nil
}
