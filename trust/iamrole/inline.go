package iamrole

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Limits of inline policies
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	maxPolicyName = 128
	maxInline     = 10240 // of all together, without white space
)

func checkInlinePolicies(role string, policies map[string]string) error {
	var found []error
	total := 0
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		document := policies[name]
		if !isPolicyName(name) {
			found = append(found, fmt.Errorf("inline policy name %q: want 1 to %d of letters, digits and _+=,.@-", name, maxPolicyName))
		}
		if err := checkDocument(document); err != nil {
			found = append(found, fmt.Errorf("inline policy %q: %w", name, err))
		}
		for _, c := range document {
			if !unicode.IsSpace(c) {
				total++
			}
		}
	}
	if total > maxInline {
		found = append(found, fmt.Errorf("the inline policies have %d characters together: Maximum policy size of %d bytes exceeded for role %s", total, maxInline, role))
	}
	return errors.Join(found...)
}

func isPolicyName(name string) bool {
	outside := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_+=,.@-", c)
	}
	return name != "" && len(name) <= maxPolicyName && strings.IndexFunc(name, outside) < 0
}

func checkDocument(document string) error {
	object := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(document), &object) != nil || object == nil {
		return errors.New("it is not a JSON object")
	}
	if strings.IndexFunc(document, func(c rune) bool { return c > 0xff || c < ' ' && !strings.ContainsRune("\t\n\r", c) }) >= 0 {
		return errors.New("it has characters that IAM does not take: write those beyond U+00FF as \\u escapes")
	}
	return nil
}

// sameJSON compares documents by value: white space, escapes and the order of members do not
// count.
func sameJSON(a, b string) bool {
	x, okX := decodeJSON(a)
	y, okY := decodeJSON(b)
	return okX && okY && reflect.DeepEqual(x, y)
}

func decodeJSON(document string) (any, bool) {
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err == nil
}
