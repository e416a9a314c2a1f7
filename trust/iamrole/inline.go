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

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// Limits of inline policies
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	maxInline = 10240 // characters of all together, without white space
	maxDepth  = 32    // of nested values, more than any policy has
)

func checkInlinePolicies(role string, policies map[string]string) error {
	var found []error
	total := 0
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		document := policies[name]
		if err := arn.CheckPolicyName(name); err != nil {
			found = append(found, fmt.Errorf("inline policy: %w", err))
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

// checkDocument wants what every policy is: one JSON object, no name in it twice, of the
// characters that IAM takes.
func checkDocument(document string) error {
	if err := strictjson.Check([]byte(document), strictjson.Limits{Bytes: 2 * maxDocument, Depth: maxDepth}); err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimLeft(document, " \t\r\n"), "{") {
		return errors.New("it is not a JSON object")
	}
	if !arn.Only(document, arn.IsDocumentRune) {
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
