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

	"github.com/irsa-go/irsa/internal/arn"
)

// Limits of tags (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
	reserved    = "aws:"
	tooManyTags = "The number of tags has reached the maximum limit." // recorded
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
		if !arn.Only(key+tags[key], arn.IsTagRune) {
			found = append(found, fmt.Errorf("tag %q: its key or value has characters other than letters, digits, spaces and _.:/=+-@", key))
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

// TagChange is what is to be done about tags, in this order; each may be empty.
type TagChange struct {
	First []string // keys to remove before, where there is no room for both
	Set   map[string]string
	Last  []string // keys to remove at last
}

// CompareTags says how to get from have to want. What have holds beyond want goes only when
// exact is set, and AWS's own tags never do. A *LimitError says that there would be too many.
func CompareTags(have, want map[string]string, exact bool) (TagChange, error) {
	set, foreign := maps.Clone(want), []string(nil)
	wanted := map[string]bool{}
	count := len(want)
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
			count++
		}
	}
	slices.Sort(foreign)
	if count <= maxTags || len(set) == 0 {
		if !exact {
			foreign = nil
		}
		return TagChange{Set: set, Last: foreign}, nil
	}
	if !exact {
		return TagChange{}, &LimitError{Field: "Tags", Count: count, Message: tooManyTags}
	}
	return TagChange{First: foreign, Set: set}, nil
}

// LimitError reports a list that IAM would refuse for its length, before anything is written.
type LimitError struct {
	// Field is the field of the spec that it is about.
	Field string
	// Count is how many there would be, those that are there already included.
	Count int
	// Message is what IAM answers.
	Message string
}

// Error says which list, how long it would be, and what IAM would answer.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: there would be %d: %s", e.Field, e.Count, e.Message)
}
