package trust

import (
	"maps"
	"slices"
	"strings"
)

// The prefixes of the keys under which IAM and STS have the role's tags
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html).
const (
	awsResourceTag = "aws:resourcetag/"
	iamResourceTag = "iam:resourcetag/"
)

func isResourceTag(key string) bool {
	return strings.HasPrefix(key, awsResourceTag) || strings.HasPrefix(key, iamResourceTag)
}

// WithResourceTags returns the request with the tags of the role that is asked for, all of them,
// nil when it has none: aws:ResourceTag/NAME and iam:ResourceTag/NAME are then known for every
// NAME, and absent where the role has no such tag. With can do the same for one tag, but cannot
// say that there are no others. A request to which tags were added before, or tags that differ
// in case only, give a request that is never allowed.
func (q Request) WithResourceTags(tags map[string]string) Request {
	if q.r == nil {
		return q
	}
	r := *q.r
	r.keys = slices.Clip(r.keys)
	if r.knowsResourceTags || slices.ContainsFunc(r.keys, func(a attribute) bool { return isResourceTag(a.name) }) {
		r.refuse("the role's tags were added to the request before")
	}
	r.knowsResourceTags = true
	var before string
	for _, name := range slices.SortedFunc(maps.Keys(tags), func(a, b string) int { return strings.Compare(lowerASCII(a), lowerASCII(b)) }) {
		lower := lowerASCII(name)
		if lower == before {
			r.refuse("two of the role's tags differ in case only")
		}
		before = lower
		r.keys = append(r.keys, attribute{name: awsResourceTag + lower, one: tags[name]}, attribute{name: iamResourceTag + lower, one: tags[name]})
	}
	return Request{&r}
}
