package trust

import (
	"cmp"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
)

// AssumeRoleSession describes a call of sts:AssumeRole by an IAM principal.
type AssumeRoleSession struct {
	// PrincipalARN is the caller as GetCallerIdentity names it: a user, or a role session
	// ("arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION"). The ARN of a role is a session of it
	// whose name is not known. Required.
	PrincipalARN string
	// RoleARN is the role's own ARN, with its path, when the caller is a role session: the
	// session's ARN lacks the path. "": not known, and a policy that names the role, or asks for
	// aws:PrincipalArn, never allows.
	RoleARN string
	// PrincipalID is the caller's unique id (AROA…:SESSION, AIDA…). "": not known, and a policy
	// that names ids then never allows.
	PrincipalID string
	// OrgID is the caller's organization, aws:PrincipalOrgID; "" leaves the key unknown.
	OrgID string
	// PrincipalTags are the caller's own tags, aws:PrincipalTag/NAME; nil leaves the keys
	// unknown, an empty map says that there are none.
	PrincipalTags map[string]string
	// ExternalID becomes sts:ExternalId; "" leaves it out.
	ExternalID string
	// SessionName becomes sts:RoleSessionName; "" leaves the key unknown.
	SessionName string
	// SessionTags become aws:RequestTag/NAME; any asks for sts:TagSession too. The transitive tags
	// of the caller's own session are handed on and belong here.
	SessionTags map[string]string
	// TransitiveTagKeys become sts:TransitiveTagKeys.
	TransitiveTagKeys []string
	// SourceIdentity becomes sts:SourceIdentity; any asks for sts:SetSourceIdentity too.
	SourceIdentity string
}

// AssumeRole is sts:AssumeRole by an IAM principal. It judges the trust policy alone: unless
// the policy names the caller itself in the role's own account, AWS also wants the caller's
// own policies to allow the call. A caller that is neither a user nor a role is never allowed: AWS
// lets neither an account's root user assume a role, nor who has credentials of GetFederationToken
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html). Where a
// condition asks for what the session leaves unknown, an Allow does not match and a Deny does; With
// can add it.
func AssumeRole(s AssumeRoleSession) Request {
	r := &request{actions: []string{actionAssumeRole}}
	a, err := arn.Parse(s.PrincipalARN)
	if err != nil || !isCaller(a) {
		r.refuse("the caller is neither a user nor a role nor a session of one: AWS lets no other IAM principal assume a role")
		return Request{r}
	}
	r.caller = caller{
		kind: callerUser, arn: s.PrincipalARN,
		accountID: a.AccountID, partition: a.Partition, id: s.PrincipalID,
	}
	principal := s.PrincipalARN
	switch kind, rest, _ := strings.Cut(a.Resource, "/"); kind {
	case "role":
		r.caller.kind = callerSession
		r.caller.roleName = rest[strings.LastIndexByte(rest, '/')+1:]
		s.RoleARN = cmp.Or(s.RoleARN, s.PrincipalARN)
		r.setRole(s.RoleARN)
		if s.RoleARN != s.PrincipalARN {
			r.refuse("PrincipalARN and RoleARN are two roles")
		}
	case "assumed-role":
		r.caller.kind = callerSession
		r.caller.roleName, _, _ = strings.Cut(rest, "/")
		r.setRole(s.RoleARN)
		principal = s.RoleARN // what aws:PrincipalArn is for a role session
	}
	r.set("aws:securetransport", "true")
	r.set("aws:principalarn", principal)
	r.set("aws:principalaccount", a.AccountID)
	r.set("aws:principaltype", principalType(a.Resource))
	r.set("aws:principalisawsservice", "false")
	r.set("aws:userid", s.PrincipalID)
	r.set("aws:principalorgid", s.OrgID)
	if err := checkExternalID(s.ExternalID); err != nil {
		r.refuse(err.Error())
	}
	r.set("sts:externalid", s.ExternalID)
	r.setName("the session name", "sts:rolesessionname", s.SessionName)
	r.knowsTags = s.PrincipalTags != nil
	for name, value := range s.PrincipalTags {
		r.keys = append(r.keys, attribute{name: "aws:principaltag/" + lowerASCII(name), one: value})
	}
	r.setTags(s.SessionTags, s.TransitiveTagKeys)
	r.setSourceIdentity(s.SourceIdentity)
	return Request{r}
}

// isCaller knows the ARNs of those who can call sts:AssumeRole
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns).
func isCaller(a arn.ARN) bool {
	kind, name, _ := strings.Cut(a.Resource, "/")
	if arn.CheckPartition(a.Partition) != nil || a.Region != "" || arn.CheckAccountID(a.AccountID) != nil || strings.ContainsAny(name, "*?") {
		return false
	}
	switch a.Service + " " + kind {
	case "iam user", "iam role":
		return name != "" && !strings.HasSuffix(name, "/")
	case "sts assumed-role":
		role, session, _ := strings.Cut(name, "/")
		return role != "" && session != "" && !strings.Contains(session, "/")
	}
	return false
}

// setRole makes the session's role known, when it is one that the session can be of.
func (r *request) setRole(roleARN string) {
	if roleARN == "" {
		return
	}
	role, err := arn.Parse(roleARN)
	if err != nil || role.Partition != r.caller.partition || role.AccountID != r.caller.accountID || !isRoleNamed(role, r.caller.roleName) {
		r.refuse("the session is not of the role that RoleARN names")
	}
	r.caller.roleARN = roleARN
}

func isRoleNamed(a arn.ARN, name string) bool {
	return a.Service == "iam" && strings.HasPrefix(a.Resource, "role/") && strings.HasSuffix(a.Resource, "/"+name)
}

// principalType is aws:PrincipalType.
func principalType(resource string) string {
	if strings.HasPrefix(resource, "user/") {
		return "User"
	}
	return "AssumedRole"
}
