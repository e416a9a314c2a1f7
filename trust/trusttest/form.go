package trusttest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/arn"
)

// form reads a request's parameters and collects what is wrong with them: AWS reports all
// violations of the service model at once, before it looks at anything else.
type form struct {
	values url.Values
	// naming: STS quotes the value at fault, IAM does not. Both recorded from AWS:
	// https://github.com/localstack/localstack/blob/main/tests/aws/services/sts/test_sts.snapshot.json
	// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_roles.snapshot.json
	naming bool
	faults []string
}

// limits is what the service model says of a string.
type limits struct {
	required bool
	secret   bool // never quoted
	min, max int  // in characters; max 0: none
	class    class
}

func (f *form) has(name string) bool { return f.values.Has(name) }

// text returns a string; "" when it is absent or at fault.
func (f *form) text(name string, lim limits) string {
	if !f.has(name) {
		if lim.required {
			value := "Value"
			if f.naming {
				value = "Value null"
			}
			f.faults = append(f.faults, value+" at '"+modelName(name)+"' failed to satisfy constraint: Member must not be null")
		}
		return ""
	}
	value := f.values.Get(name)
	return f.check(value, modelName(name), lim)
}

func (f *form) check(value, at string, lim limits) string {
	broken := lim.broken(value)
	for _, constraint := range broken {
		f.fault(value, at, constraint, lim.secret)
	}
	if len(broken) > 0 {
		return ""
	}
	return value
}

func (f *form) fault(value, at, constraint string, secret bool) {
	what := "Value"
	if f.naming && !secret {
		what = "Value '" + value + "'"
	}
	f.faults = append(f.faults, what+" at '"+at+"' failed to satisfy constraint: "+constraint)
}

func (l limits) broken(value string) []string {
	var broken []string
	n := utf8.RuneCountInString(value)
	if l.max > 0 && n > l.max {
		broken = append(broken, fmt.Sprintf("Member must have length less than or equal to %d", l.max))
	}
	if n < l.min {
		broken = append(broken, fmt.Sprintf("Member must have length greater than or equal to %d", l.min))
	}
	if l.class.has != nil && !arn.Only(value, l.class.has) {
		broken = append(broken, "Member must satisfy regular expression pattern: "+l.class.pattern)
	}
	return broken
}

// number returns an integer within its bounds, or absent when it is not given.
func (f *form) number(name string, least, most, absent int) int {
	value := f.values.Get(name)
	if value == "" {
		return absent
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html; the text is unproven.
		f.fault(value, modelName(name), "Member must be a number", false)
		return absent
	}
	if n > most {
		f.fault(value, modelName(name), fmt.Sprintf("Member must have value less than or equal to %d", most), false)
	}
	if n < least {
		f.fault(value, modelName(name), fmt.Sprintf("Member must have value greater than or equal to %d", least), false)
	}
	return n
}

// list returns "NAME.member.1" and so on, each within limits, at most most of them (0: any).
func (f *form) list(name string, most int, lim limits, alsoNotNull bool) []string {
	var items []string
	for i := 1; f.has(fmt.Sprintf("%s.member.%d", name, i)); i++ {
		items = append(items, f.values.Get(fmt.Sprintf("%s.member.%d", name, i)))
	}
	if most > 0 && len(items) > most {
		f.fault("", modelName(name), fmt.Sprintf("Member must have length less than or equal to %d", most), true)
		return items
	}
	for _, item := range items {
		if len(lim.broken(item)) > 0 {
			f.fault("", modelName(name), "Member must satisfy constraint: ["+lim.describe(alsoNotNull)+"]", true)
			break
		}
	}
	return items
}

// describe is how AWS lists the constraints on the members of a list.
func (l limits) describe(alsoNotNull bool) string {
	parts := []string{
		fmt.Sprintf("Member must have length less than or equal to %d", l.max),
		fmt.Sprintf("Member must have length greater than or equal to %d", l.min),
	}
	if l.class.has != nil {
		parts = append(parts, "Member must satisfy regular expression pattern: "+l.class.pattern)
	}
	if alsoNotNull {
		parts = append(parts, "Member must not be null")
	}
	return strings.Join(parts, ", ")
}

// err reports all violations so far, in one refusal.
func (f *form) err() error {
	switch len(f.faults) {
	case 0:
		return nil
	case 1:
		return refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: %s", f.faults[0])
	}
	return refuse(http.StatusBadRequest, "ValidationError", "%d validation errors detected: %s", len(f.faults), strings.Join(f.faults, "; "))
}

// modelName is how messages write a parameter.
func modelName(parameter string) string {
	return strings.ToLower(parameter[:1]) + parameter[1:]
}
