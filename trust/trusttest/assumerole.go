package trusttest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/trust"
)

func itoa(n int) string { return strconv.Itoa(n) }

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
	if err := checkSessionTags(labels, transitive); err != nil {
		return nil, err
	}
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
	denied := accessDenied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.caller.arn, in.roleARN)
	if of.AccountID != a.id || of.Partition != a.partition {
		return nil, denied
	}
	s, err := a.admit(in, c, trust.AssumeRole(trust.AssumeRoleSession{
		PrincipalARN:      c.caller.arn,
		RoleARN:           c.caller.roleARN,
		PrincipalID:       c.caller.userID,
		ExternalID:        externalID,
		SessionName:       in.sessionName,
		SessionTags:       labels.asMap(),
		TransitiveTagKeys: transitive,
		SourceIdentity:    source,
	}), denied)
	if err != nil {
		return nil, err
	}
	result := resultOf(s)
	result.SourceIdentity = source
	return result, nil
}

// checkSessionTags has texts recorded from AWS, same source as the invalid ARN's.
func checkSessionTags(t tags, transitive []string) error {
	invalid := func(message string) error {
		return refuse(http.StatusBadRequest, "InvalidParameterValue", "%s", message)
	}
	if t.checkUnique() != nil {
		return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	}
	for _, key := range transitive {
		if !slices.ContainsFunc(t, func(have tag) bool { return strings.EqualFold(have.Key, key) }) {
			return invalid("The specified transitive tag key must be included in the requested tags.")
		}
	}
	return nil
}

func (t tags) asMap() map[string]string {
	m := make(map[string]string, len(t))
	for _, one := range t {
		m[one.Key] = one.Value
	}
	return m
}
