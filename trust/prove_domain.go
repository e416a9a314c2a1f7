package trust

import (
	"math/big"
	"slices"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/language"
)

// domain is what a condition key may be in the requests of a scene.
type domain struct {
	fixed  bool     // it is always values, or absent when there are none
	values []string // the ones to try first, when it is not fixed
	rare   bool     // try without it before that
	filled bool     // it is never empty
	many   bool     // it may have more than one value
	vague  bool     // that it is absent is never certain
	must   bool     // it is never absent
	open   bool     // a request may leave open what it is, and always does when it is fixed
	except []string // patterns of what it is not
	within language.Union
	likely language.Union // what it looks like in practice
	// names are the session tags that the key aws:TagKeys tells apart, whether the request has
	// them or not.
	names []tagName
}

// has says whether the key can have the value.
func (d domain) has(value string) bool {
	return (value != "" || !d.filled) && !slices.ContainsFunc(d.except, func(e string) bool { return glob.Compile(e).Match(value) })
}

// tagName is a session tag that the policies name, in lower case.
type tagName struct {
	name string
	has  bool
}

// further are languages to tell apart beside those of the conditions.
func (d domain) further() (unions []language.Union) {
	for _, e := range d.except {
		unions = append(unions, language.Union{language.Glob(e)})
	}
	for _, n := range d.names {
		unions = append(unions, language.Union{language.FoldASCII(n.name)})
	}
	return unions
}

// accepts: the names of session tags differ in more than case, and those that the policies name
// are there if the request has them.
func (d domain) accepts(values []string) bool {
	if d.names == nil {
		return true
	}
	var lower []string
	for _, v := range values {
		lower = append(lower, lowerASCII(v))
	}
	for _, n := range d.names {
		if slices.Contains(lower, n.name) != n.has {
			return false
		}
	}
	return len(unique(lower)) == len(lower)
}

// leavesOpen says whether no real request is as the atom says.
func (d domain) leavesOpen(key string, a atom) bool {
	return d.vague && a.presence == absent || len(a.values) > 1 && !isMultivalued(key) ||
		slices.ContainsFunc(a.values, func(s string) bool { return isMalformed(key, s) })
}

// isMalformed knows the keys of which AWS says what they look like, and values that do not
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
func isMalformed(key, value string) bool {
	if isARNKey(key) {
		_, ok := compileARN(value)
		return !ok
	}
	m := matcher{text: "true", family: familyOf(key), number: new(big.Rat)}
	switch m.family {
	case familyUnknown:
		return false
	case familyDate:
		if _, number := parseNumber(value); number && key == "aws:epochtime" {
			return false
		}
	}
	return m.match(&request{}, value) == unproven
}

// familyOf is what the values of a key are that are not texts.
func familyOf(key string) family {
	switch key {
	case "aws:sourceip", "aws:vpcsourceip":
		return familyIP
	case "aws:currenttime", "aws:tokenissuetime", "aws:epochtime":
		return familyDate
	case "aws:multifactorauthage":
		return familyNumeric
	case "aws:viaawsservice", "aws:multifactorauthpresent", "aws:principalisawsservice", "aws:securetransport":
		return familyBool
	}
	return familyUnknown
}

// wellFormed are some values of a key, for conditions that compare it as a text or ask whether it is
// there: the texts that these tell apart may all be malformed.
func wellFormed(key string) []string {
	switch familyOf(key) {
	case familyIP:
		return []string{"192.0.2.1", "2001:db8::1"}
	case familyDate, familyNumeric:
		if key == "aws:currenttime" || key == "aws:tokenissuetime" {
			return []string{"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}
		}
		return []string{"0", "1"}
	case familyBool:
		return []string{"true", "false"}
	}
	return nil
}

func isARNKey(key string) bool {
	return key == "aws:sourcearn" || key == "aws:principalarn" || key == "aws:sourcevpcarn"
}
