package mutate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/literal"
)

// Method is how a pod gets its credentials.
type Method uint8

const (
	// WebIdentity is IAM Roles for Service Accounts: the pod gives its token to STS.
	WebIdentity Method = iota
	// PodIdentity is EKS Pod Identity: the pod gives its token to the agent on the node,
	// and EKS knows the role
	// (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html).
	PodIdentity
)

// String returns "WebIdentity" or "PodIdentity".
func (m Method) String() string {
	switch m {
	case WebIdentity:
		return "WebIdentity"
	case PodIdentity:
		return "PodIdentity"
	}
	return fmt.Sprintf("Method(%d)", uint8(m))
}

// Identity is the identity that a pod gets in AWS. The zero value stands for none:
// the pod is left alone. [Mutator.Identity] makes one from a ServiceAccount; it may also be written by hand.
// Identities are comparable.
type Identity struct {
	// Method is WebIdentity, the zero value, or PodIdentity.
	Method Method

	// RoleARN is the role to assume. Required for WebIdentity, and empty for PodIdentity,
	// whose roles EKS knows.
	RoleARN string

	// Audience is the token's audience. "": Config.Audience for WebIdentity,
	// pods.eks.amazonaws.com for PodIdentity.
	Audience string

	// RegionalSTS adds AWS_STS_REGIONAL_ENDPOINTS=regional where it is not set.
	RegionalSTS bool

	// TokenExpiration is the token's lifetime in whole seconds, raised to
	// MinTokenExpiration; more than MaxTokenExpiration is an error. The pod's annotation
	// wins. 0: Config.TokenExpiration, 24 h.
	TokenExpiration time.Duration

	// SessionName is as Config.SessionName, for this identity. The pod's annotation wins.
	// Zero: Config's.
	SessionName SessionName

	// DisableEC2Metadata, UseDualStackEndpoint and UseFIPSEndpoint are as Config's, for this
	// identity. The pod's annotations win. Zero: Config's.
	DisableEC2Metadata, UseDualStackEndpoint, UseFIPSEndpoint Switch

	// Seed spreads the default expiration of PodIdentity tokens between 22 and 24 hours, so
	// that pods created together do not all renew together. The same seed gives the same
	// expiration; the admission request's UID is a good one, and [Mutator.Review] uses it
	// when Seed is empty. "": 24 h. It has no other effect and makes no identity by itself.
	Seed string
}

// IsZero says whether id is the zero value, Seed aside: it gives no identity.
func (id Identity) IsZero() bool {
	id.Seed = ""
	return id == Identity{}
}

// check reports what makes id impossible to inject, and returns its role, if it has one.
func (id Identity) check() (role arn.Role, err error) {
	switch {
	case id.Method > PodIdentity:
		return role, fmt.Errorf("method %d is unknown", id.Method)
	case id.Method == PodIdentity && id.RoleARN != "":
		return role, errors.New("a PodIdentity has no RoleARN: EKS associates the role")
	case id.TokenExpiration > MaxTokenExpiration:
		return role, fmt.Errorf("token expiration %v exceeds %v", id.TokenExpiration, time.Duration(MaxTokenExpiration))
	case id.Method == WebIdentity && id.RoleARN == "":
		return role, errors.New("a WebIdentity needs a RoleARN")
	case id.Method == WebIdentity:
		if role, err = parseRole(id.RoleARN); err != nil {
			return role, fmt.Errorf("role ARN %q: %w", id.RoleARN, err)
		}
	}
	return role, errors.Join(checkAudience(id.Audience), id.choices().check())
}

// checkedIdentity is an identity that can be injected, without its seed.
type checkedIdentity struct {
	Identity
	grant *grant
}

// grant checks an identity and makes its grant, once for each of a row of the same; nil for none.
func (m *Mutator) grant(id Identity) (*grant, error) {
	id.Seed = ""
	if last := m.last.Load(); last != nil && last.Identity == id {
		return last.grant, nil
	}
	if id.IsZero() {
		return nil, nil
	}
	role, err := id.check()
	if err != nil {
		return nil, err
	}
	g := m.newIdentityGrant(id, role)
	m.last.Store(&checkedIdentity{id, g})
	return g, nil
}

// role checks a role given by ARN, or by name where c says how to compose it.
func (c Config) role(value string) (string, error) {
	if strings.HasPrefix(value, "arn:") {
		if _, err := parseRole(value); err != nil {
			return "", fmt.Errorf("role ARN %q: %w", value, err)
		}
		return value, nil
	}
	if c.RoleAccountID == "" {
		return "", fmt.Errorf(`%q is not an ARN, want "arn:PARTITION:iam::ACCOUNT:role/NAME"`, value)
	}
	composed := "arn:" + c.rolePartition() + ":iam::" + c.RoleAccountID + ":role/" + value
	if _, err := parseRole(composed); err != nil || strings.HasPrefix(value, "/") {
		return "", fmt.Errorf(`%q is neither a role's ARN nor a role's name with or without a path such as "team/reader"`, value)
	}
	return composed, nil
}

// parseRole parses the ARN of a role that can stand in a variable's value.
func parseRole(s string) (arn.Role, error) {
	role, err := arn.ParseRole(s)
	if err == nil && !literal.Is(s) {
		return arn.Role{}, errors.New(`it has "$(" or "$$", of which Kubernetes makes something else in a variable`)
	}
	return role, err
}

// expirationSeconds raises seconds to the API server's minimum and refuses what exceeds its
// maximum (ValidateVolumes in pkg/apis/core/validation of Kubernetes).
func expirationSeconds(seconds int64) (int64, error) {
	const least, most = int64(MinTokenExpiration / time.Second), int64(MaxTokenExpiration / time.Second)
	if seconds > most {
		return 0, fmt.Errorf("%d seconds, want at most %d", seconds, most)
	}
	return max(seconds, least), nil
}
