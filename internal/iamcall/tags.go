package iamcall

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Limits of tags (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
	reserved    = "aws:"
)

// CheckTags reports every tag that IAM refuses. Keys that differ in case alone are one key
// for IAM.
func CheckTags(tags map[string]string) error {
	var found []error
	if len(tags) > maxTags {
		found = append(found, fmt.Errorf("%d tags, at most %d are possible", len(tags), maxTags))
	}
	folded := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if n := utf8.RuneCountInString(key); n == 0 || n > maxTagKey {
			found = append(found, fmt.Errorf("tag %q: its key has %d characters, want 1 to %d", key, n, maxTagKey))
		}
		if n := utf8.RuneCountInString(tags[key]); n > maxTagValue {
			found = append(found, fmt.Errorf("tag %q: its value has %d characters, at most %d are possible", key, n, maxTagValue))
		}
		lower := strings.ToLower(key)
		if strings.HasPrefix(lower, reserved) {
			found = append(found, fmt.Errorf("tag %q: keys that begin with %q are AWS's own", key, reserved))
		}
		if other, ok := folded[lower]; ok {
			found = append(found, fmt.Errorf("tags %q and %q: IAM does not tell keys apart by case", other, key))
		}
		folded[lower] = key
	}
	return errors.Join(found...)
}

// Tags returns tags in the SDK's form, ordered by key; nil for none.
func Tags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// TagMap is the inverse of Tags.
func TagMap(list []types.Tag) map[string]string {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}

// TagDiff says what to set, and what have holds beyond want. Tags of AWS's own are left out.
func TagDiff(have, want map[string]string) (set map[string]string, foreign []string) {
	set = maps.Clone(want)
	wanted := map[string]bool{}
	for key := range want {
		wanted[strings.ToLower(key)] = true
	}
	for key, value := range have {
		if w, ok := want[key]; ok && w == value {
			delete(set, key)
		}
		lower := strings.ToLower(key)
		if !wanted[lower] && !strings.HasPrefix(lower, reserved) {
			foreign = append(foreign, key)
		}
	}
	slices.Sort(foreign)
	return set, foreign
}
