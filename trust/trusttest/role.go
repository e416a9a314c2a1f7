package trusttest

import (
	"net/http"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
)

// maxRoles is the quota of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
const maxRoles = 1000

func roleNameLimits() limits {
	return limits{required: true, min: 1, max: 64, class: nameClass()}
}

func documentLimits() limits {
	return limits{required: true, min: 1, max: 131072, class: documentClass()}
}

func descriptionLimits() limits { return limits{max: 1000, class: descriptionClass()} }

// roleResult is a role as IAM describes it. Which members an operation leaves out is recorded
// from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_roles.snapshot.json.
type roleResult struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string          `xml:",omitempty"`
	MaxSessionDuration       int             `xml:",omitempty"`
	PermissionsBoundary      *boundaryResult `xml:",omitempty"`
	Tags                     *members[tag]   `xml:",omitempty"`
	RoleLastUsed             *lastUsedResult `xml:",omitempty"`
}

type boundaryResult struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

type lastUsedResult struct {
	LastUsedDate string `xml:",omitempty"`
	Region       string `xml:",omitempty"`
}

type roleEnvelope struct{ Role roleResult }

// summary is what CreateRole and UpdateRoleDescription answer with.
func (r *role) summary() roleResult {
	result := roleResult{
		Path: r.path, RoleName: r.name, RoleId: r.id, Arn: r.arn,
		CreateDate: timestamp(r.created),
		// "compliant with RFC 3986": https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
		AssumeRolePolicyDocument: percentEncode(r.trustPolicy),
	}
	if r.boundary != "" {
		// The model says "PermissionsBoundaryPolicy", IAM is recorded to answer "Policy".
		result.PermissionsBoundary = &boundaryResult{"Policy", r.boundary}
	}
	if len(r.tags) > 0 {
		result.Tags = list(r.tags)
	}
	return result
}

// full is what GetRole answers with.
func (r *role) full(region string) roleResult {
	result := r.summary()
	result.Description = r.description
	result.MaxSessionDuration = int(r.maxSession / time.Second)
	result.RoleLastUsed = &lastUsedResult{}
	if !r.lastUsed.IsZero() {
		result.RoleLastUsed = &lastUsedResult{timestamp(r.lastUsed), region}
	}
	return result
}

// listed leaves out what ListRoles does
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html).
func (r *role) listed() roleResult {
	result := r.full("")
	result.Tags, result.PermissionsBoundary, result.RoleLastUsed = nil, nil, nil
	return result
}

// timestamp is xs:dateTime in UTC, whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (a *Account) createRole(c *call) (any, error) {
	f := c.form
	path := "/"
	if f.has("Path") {
		path = f.values.Get("Path")
		if arn.CheckPath(path) != nil {
			f.fault("", "path", `Member must satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F)`, true)
		}
	}
	r := &role{
		name:        f.text("RoleName", roleNameLimits()),
		path:        path,
		trustPolicy: f.text("AssumeRolePolicyDocument", documentLimits()),
		description: f.text("Description", descriptionLimits()),
		maxSession:  time.Duration(f.number("MaxSessionDuration", 3600, 43200, 3600)) * time.Second,
		boundary:    f.text("PermissionsBoundary", limits{min: 20, max: 2048}),
		tags:        f.tags(),
		inline:      map[string]string{},
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if err := r.tags.checkUnique(); err != nil {
		return nil, err
	}
	if r.boundary != "" {
		if err := a.checkPolicyARN(r.boundary); err != nil {
			return nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.checkTrustPolicy(r.trustPolicy); err != nil {
		return nil, err
	}
	key := strings.ToLower(r.name)
	if _, taken := a.state.roles[key]; taken {
		// Recorded from AWS, same source as roleResult.
		return nil, alreadyExists("Role with name %s already exists.", r.name)
	}
	if len(a.state.roles) >= maxRoles {
		// Seen in the field: https://github.com/hashicorp/terraform-provider-aws/issues (LimitExceeded).
		return nil, limitExceeded("Cannot exceed quota for RolesPerAccount: %d", maxRoles)
	}
	a.state.created[r.name]++
	r.id = a.roleID(r.name, a.state.created[r.name])
	r.arn = a.arn("iam", "role"+r.path+r.name)
	r.created = a.now()
	a.state.roles[key] = r
	return roleEnvelope{r.summary()}, nil
}

// roleOperation reads the role's name and does the rest under the lock.
func (a *Account) roleOperation(c *call, do func(*role) (any, error)) (any, error) {
	name := c.form.text("RoleName", roleNameLimits())
	if err := c.form.err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.findRole(name)
	if err != nil {
		return nil, err
	}
	return do(r)
}

// roleChange is roleOperation for what AWS's own services alone may do to their roles. The text is that of
// https://docs.aws.amazon.com/singlesignon/latest/userguide/troubleshooting.html.
func (a *Account) roleChange(c *call, do func(*role) (any, error)) (any, error) {
	return a.roleOperation(c, func(r *role) (any, error) {
		if strings.HasPrefix(r.path, "/aws-service-role/") || strings.HasPrefix(r.path, "/aws-reserved/") {
			return nil, refuse(http.StatusBadRequest, "UnmodifiableEntity",
				"Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.name)
		}
		return do(r)
	})
}

func (a *Account) getRole(c *call) (any, error) {
	return a.roleOperation(c, func(r *role) (any, error) { return roleEnvelope{r.full(a.region())}, nil })
}

func (a *Account) listRoles(c *call) (any, error) {
	at := c.form.paging()
	prefix := c.form.pathPrefix()
	if err := c.form.err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []roleResult
	for _, r := range sortedBy(a.state.roles, func(r *role) string { return r.name }) {
		if strings.HasPrefix(r.path, prefix) {
			all = append(all, r.listed())
		}
	}
	page, mark, err := cut(all, at)
	if err != nil {
		return nil, err
	}
	return struct {
		Roles *members[roleResult]
		pageMark
	}{list(page), mark}, nil
}

// deleteRole refuses while something hangs on the role. Texts recorded from AWS, same source
// as roleResult.
func (a *Account) deleteRole(c *call) (any, error) {
	return a.roleChange(c, func(r *role) (any, error) {
		if len(r.attached) > 0 {
			return nil, deleteConflict("Cannot delete entity, must detach all policies first.")
		}
		if len(r.inline) > 0 {
			return nil, deleteConflict("Cannot delete entity, must delete policies first.")
		}
		delete(a.state.roles, strings.ToLower(r.name))
		a.orphan(r)
		return nil, nil
	})
}

// updateRole leaves alone what the request does not name.
func (a *Account) updateRole(c *call) (any, error) {
	description := c.form.text("Description", descriptionLimits())
	seconds := c.form.number("MaxSessionDuration", 3600, 43200, 0)
	return a.roleChange(c, func(r *role) (any, error) {
		if c.form.has("Description") {
			r.description = description
		}
		if seconds > 0 {
			r.maxSession = time.Duration(seconds) * time.Second
		}
		return struct{}{}, nil
	})
}

func (a *Account) updateRoleDescription(c *call) (any, error) {
	lim := descriptionLimits()
	lim.required = true
	description := c.form.text("Description", lim)
	return a.roleChange(c, func(r *role) (any, error) {
		r.description = description
		result := r.summary()
		result.Description = description
		return roleEnvelope{result}, nil
	})
}

func (a *Account) updateAssumeRolePolicy(c *call) (any, error) {
	document := c.form.text("PolicyDocument", documentLimits())
	return a.roleChange(c, func(r *role) (any, error) {
		if err := a.checkTrustPolicy(document); err != nil {
			return nil, err
		}
		r.trustPolicy = document
		return nil, nil
	})
}

func (a *Account) tagRole(c *call) (any, error) {
	labels := c.form.tags()
	return a.roleChange(c, func(r *role) (any, error) {
		next, err := r.tags.merge(labels)
		if err != nil {
			return nil, err
		}
		r.tags = next
		return nil, nil
	})
}

func (a *Account) untagRole(c *call) (any, error) {
	keys := c.form.tagKeys()
	return a.roleChange(c, func(r *role) (any, error) {
		r.tags = r.tags.without(keys)
		return nil, nil
	})
}

func (a *Account) listRoleTags(c *call) (any, error) {
	at := c.form.paging()
	return a.roleOperation(c, func(r *role) (any, error) { return pageOfTags(r.tags, at) })
}

// listInstanceProfilesForRole answers that there are none: tools ask before they delete.
func (a *Account) listInstanceProfilesForRole(c *call) (any, error) {
	return a.roleOperation(c, func(*role) (any, error) {
		return struct {
			InstanceProfiles *members[string]
			pageMark
		}{list[string](nil), pageMark{}}, nil
	})
}
