package trusttest

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/trust"
)

// assumeRole is AssumeRole
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). What is not
// simulated is the caller's own permission to call it.
func (a *Account) assumeRole(c *call) (any, error) {
	in := c.form.assumption()
	labels := c.form.tags()
	transitive := c.form.list("TransitiveTagKeys", maxTags, tagKeyLimits(), true)
	externalID := c.form.text("ExternalId", limits{min: 2, max: 1224, class: externalIDClass()})
	source := c.form.text("SourceIdentity", limits{min: 2, max: 64, class: sessionNameClass()})
	checkPolicies := c.form.sessionPolicies(0)
	if err := c.form.err(); err != nil {
		return nil, err
	}
	of, err := arn.ParseRole(in.roleARN)
	if err != nil {
		// Recorded from AWS:
		// https://github.com/localstack/localstack/blob/main/tests/aws/services/sts/test_sts.snapshot.json
		return nil, validationError("%s is invalid", in.roleARN)
	}
	if err := checkPolicies(); err != nil {
		return nil, err
	}
	taken, err := c.caller.taken.pass(labels, transitive, source)
	if err != nil {
		return nil, err
	}
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
	denied := func(action string) error {
		return accessDenied("User: %s is not authorized to perform: %s on resource: %s", c.caller.arn, action, in.roleARN)
	}
	if of.AccountID != a.id || of.Partition != a.partition || a.isOfDeletedRole(c.caller) {
		return nil, denied("sts:AssumeRole")
	}
	refused := denied("sts:AssumeRole")
	s, err := a.admit(in, c, a.chained(c.caller, in, externalID, taken), refused)
	switch {
	case errors.Is(err, refused):
		return nil, denied(a.missingAction(c, in, externalID, taken))
	case err != nil:
		return nil, err
	}
	result := resultOf(s)
	result.SourceIdentity = taken.source
	return result, nil
}

// missingAction is what a trust policy that refuses the request lacks: the right to pass tags or
// a source identity, where it would allow the request without them.
func (a *Account) missingAction(c *call, in assumption, externalID string, taken carried) string {
	allows := func(less carried) bool {
		request := a.chained(c.caller, in, externalID, less)
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.admitting(in.roleARN, request) != nil
	}
	switch {
	case allows(carried{source: taken.source}):
		return "sts:TagSession"
	case allows(carried{tags: taken.tags, transitive: taken.transitive}):
		return "sts:SetSourceIdentity"
	}
	return "sts:AssumeRole"
}

// chained is the request of a session, or of the administrator, for a role.
func (a *Account) chained(caller session, in assumption, externalID string, taken carried) trust.Request {
	request := trust.AssumeRole(trust.AssumeRoleSession{
		PrincipalARN:      caller.arn,
		RoleARN:           caller.roleARN,
		PrincipalID:       caller.userID,
		PrincipalTags:     a.principalTags(caller).asMap(),
		ExternalID:        externalID,
		SessionName:       in.sessionName,
		SessionTags:       taken.tags.asMap(),
		TransitiveTagKeys: taken.transitive,
		SourceIdentity:    taken.source,
	}).With("aws:ResourceAccount", a.id)
	if caller.taken.source != "" {
		request = request.With("aws:SourceIdentity", caller.taken.source)
	}
	return request
}

// carriedBy is what a session has from the request that opens it.
func carriedBy(request trust.Request) carried {
	s := request.Session()
	c := carried{transitive: s.TransitiveTagKeys, source: s.SourceIdentity}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		c.tags = append(c.tags, tag{Key: key, Value: s.Tags[key]})
	}
	return c
}

// isOfDeletedRole tells a session of a role that is gone from one of a new role of that name.
func (a *Account) isOfDeletedRole(s session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.roleOf(s.roleARN)
	return s.roleARN != "" && (r == nil || !strings.HasPrefix(s.userID, r.id+":"))
}

// pass adds what a session asks for to what the session that asks hands on. Hence a role that
// is assumed from a session with transitive tags must allow sts:TagSession, and with a source
// identity sts:SetSourceIdentity
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html).
// The texts are recorded from AWS, same source as the invalid ARN's; that of the source
// identity is seen in the field, its code is unproven.
func (c carried) pass(labels tags, transitive []string, source string) (carried, error) {
	invalid := func(message string) (carried, error) {
		return carried{}, refuse(http.StatusBadRequest, "InvalidParameterValue", "%s", message)
	}
	inherited := c.inherited()
	if labels.checkUnique() != nil {
		return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	}
	for _, label := range labels {
		if inherited.find(label.Key) >= 0 {
			return invalid("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	for _, key := range transitive {
		if labels.find(key) < 0 {
			return invalid("The specified transitive tag key must be included in the requested tags.")
		}
	}
	if c.source != "" && source != "" && source != c.source {
		return carried{}, validationError("The source identity is already set for this assume role session")
	}
	if source == "" {
		source = c.source
	}
	return carried{tags: inherited.with(labels), transitive: slices.Concat(c.transitive, transitive), source: source}, nil
}

func (t tags) asMap() map[string]string {
	m := make(map[string]string, len(t))
	for _, one := range t {
		m[one.Key] = one.Value
	}
	return m
}
