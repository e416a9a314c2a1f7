package trusttest

import (
	"fmt"
)

// maxTags is the most tags of one object
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxTags = 50

func tagKeyLimits() limits { return limits{min: 1, max: 128, class: tagKeyClass()} }

// tags reads "Tags.member.N.Key" and ".Value". The constraints' texts are recorded from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_roles.snapshot.json.
func (f *form) tags() tags {
	var all tags
	for i := 1; ; i++ {
		parameter := fmt.Sprintf("Tags.member.%d.", i)
		if !f.has(parameter+"Key") && !f.has(parameter+"Value") {
			break
		}
		at := fmt.Sprintf("tags.%d.member.", i)
		all = append(all, tag{
			Key:   f.check(f.values.Get(parameter+"Key"), at+"key", tagKeyLimits()),
			Value: f.check(f.values.Get(parameter+"Value"), at+"value", limits{max: 256, class: tagValueClass()}),
		})
	}
	if len(all) > maxTags {
		f.fault("", "tags", fmt.Sprintf("Member must have length less than or equal to %d", maxTags), true)
	}
	return all
}

func (f *form) tagKeys() []string {
	return f.list("TagKeys", maxTags, tagKeyLimits(), true)
}

// checkUnique refuses tags that differ in case alone; recorded from AWS, same source as tags.
func (t tags) checkUnique() error {
	for i, one := range t {
		if t.find(one.Key) != i {
			return invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
	}
	return nil
}

// merge is what the Tag operations do. The text is recorded from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_oidc.snapshot.json.
func (t tags) merge(others tags) (tags, error) {
	if err := others.checkUnique(); err != nil {
		return nil, err
	}
	next := t.with(others)
	if len(next) > maxTags {
		return nil, limitExceeded("The number of tags has reached the maximum limit.")
	}
	return next, nil
}
