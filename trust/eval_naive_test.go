package trust_test

import (
	"encoding/json"
	"strconv"
	"strings"
)

// The evaluator in this file and the next is the oracle of FuzzEvaluateAgreesWithANaiveEvaluator. It shares
// nothing with the package: it walks maps, tries every way to place a star, and speaks in
// strings. "yes" and "no" are certain, "?" is not.

type naiveContext struct {
	provider string              // ARN
	refused  bool                // STS does not take the token
	keys     map[string][]string // lower case
}

func naiveAllows(doc []byte, ctx naiveContext, action string) bool {
	return naiveParse(doc).allows(ctx, action)
}

// naivePolicy is nil when IAM would not store it.
type naivePolicy map[string]any

func naiveParse(doc []byte) naivePolicy {
	var policy map[string]any
	if json.Unmarshal(doc, &policy) != nil || naiveRefused(policy) {
		return nil
	}
	return policy
}

func (policy naivePolicy) allows(ctx naiveContext, action string) bool {
	if policy == nil {
		return false
	}
	version, hasVersion := policy["Version"]
	known := !hasVersion || version == "2012-10-17" || version == "2008-10-17"
	statements, isList := policy["Statement"].([]any)
	if !isList && policy["Statement"] != nil {
		statements = []any{policy["Statement"]}
	}
	allowed := false
	for _, s := range statements {
		verdict := "?"
		effect := "Deny"
		if statement, ok := s.(map[string]any); ok {
			verdict = naiveStatement(statement, ctx, action, version == "2012-10-17")
			if statement["Effect"] == "Allow" {
				effect = "Allow"
			} else if statement["Effect"] != "Deny" {
				verdict = "?"
			}
		}
		if !known && verdict == "yes" {
			verdict = "?"
		}
		if effect == "Deny" && verdict != "no" {
			return false
		}
		allowed = allowed || effect == "Allow" && verdict == "yes"
	}
	return allowed
}

// naiveRefused knows what of the random policies IAM does not store.
func naiveRefused(policy map[string]any) bool {
	statements, isList := policy["Statement"].([]any)
	if !isList {
		statements = []any{policy["Statement"]}
	}
	for _, s := range statements {
		statement, _ := s.(map[string]any)
		actions, _ := naiveList(statement["Action"])
		for _, a := range actions {
			switch {
			case a == "sts:AssumeRoleWithWebIdentity", a == "sts:AssumeRole", a == "sts:TagSession", a == "sts:SetSourceIdentity",
				strings.HasPrefix(a, "sts:A") && strings.ContainsAny(a, "*?"):
			default:
				return true
			}
		}
		block, _ := statement["Condition"].(map[string]any)
		for _, keys := range block {
			if _, ok := keys.(map[string]any); !ok {
				return true
			}
		}
		principal, _ := statement["Principal"].(map[string]any)
		federated, _ := naiveList(principal["Federated"])
		for _, f := range federated {
			if strings.HasPrefix(f, "ARN:") {
				return true
			}
		}
		if statement["Principal"] == nil || statement["Principal"] == "*" || statement["Effect"] == "allow" || statement["Resource"] != nil {
			return true
		}
	}
	return false
}

func naiveAnd(verdicts ...string) string {
	out := "yes"
	for _, v := range verdicts {
		if v == "no" {
			return "no"
		}
		if v == "?" {
			out = "?"
		}
	}
	return out
}

func naiveOr(verdicts ...string) string {
	out := "no"
	for _, v := range verdicts {
		if v == "yes" {
			return "yes"
		}
		if v == "?" {
			out = "?"
		}
	}
	return out
}

func naiveNot(v string) string {
	return map[string]string{"yes": "no", "no": "yes", "?": "?"}[v]
}

func naiveBool(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func naiveList(v any) ([]string, bool) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	var out []string
	for _, item := range items {
		switch x := item.(type) {
		case string:
			out = append(out, x)
		case bool:
			out = append(out, strconv.FormatBool(x))
		case float64:
			out = append(out, strconv.FormatFloat(x, 'f', -1, 64))
		default:
			return nil, false
		}
	}
	return out, len(out) > 0
}

func naiveStatement(s map[string]any, ctx naiveContext, action string, variables bool) string {
	verdicts := []string{"yes"}
	for name := range s {
		switch name {
		case "Sid", "Effect", "Principal", "Action", "Condition":
		default:
			verdicts = append(verdicts, "?")
		}
	}
	verdicts = append(verdicts, naiveAction(s["Action"], action), naivePrincipal(s["Principal"], ctx.provider))
	block, ok := s["Condition"].(map[string]any)
	if !ok && s["Condition"] != nil {
		verdicts = append(verdicts, "?")
	}
	malformed := false
	var conditions []string
	for operator, keys := range block {
		m, ok := keys.(map[string]any)
		if !ok {
			malformed = true
			continue
		}
		for key, values := range m {
			verdict := naiveCondition(operator, key, values, ctx, variables)
			for other := range m {
				if other != key && strings.EqualFold(other, key) {
					verdict = "?" // no source says what two spellings mean: both, either or the last
				}
			}
			conditions = append(conditions, verdict)
		}
	}
	if malformed { // such a block cannot be read at all
		conditions = []string{"?"}
	}
	return naiveAnd(append(verdicts, conditions...)...)
}

func naiveAction(v any, action string) string {
	actions, ok := naiveList(v)
	if !ok {
		return "?"
	}
	out := "no"
	for _, a := range actions {
		a = strings.ToLower(a)
		if a == action || strings.ContainsAny(a, "*?") && naiveLike(a, action) {
			out = "yes"
		}
	}
	return out
}

func naivePrincipal(v any, provider string) string {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		return "?"
	}
	out := "no"
	for kind, values := range m {
		list, ok := naiveList(values)
		if !ok {
			return "?"
		}
		for _, value := range list {
			switch {
			case kind == "Federated" && value == provider:
				out = naiveOr(out, "yes")
			case kind == "Federated" && (strings.EqualFold(value, provider) || strings.ContainsAny(value, "*?")), kind == "AWS" && value == "*":
				out = naiveOr(out, "?")
			}
		}
	}
	return out
}

func naiveCondition(operator, key string, v any, ctx naiveContext, variables bool) string {
	base, set, ifExists := operator, "", false
	for _, prefix := range []string{"ForAllValues:", "ForAnyValue:"} {
		if strings.HasPrefix(base, prefix) {
			base, set = base[len(prefix):], prefix
		}
	}
	if strings.HasSuffix(base, "IfExists") {
		base, ifExists = strings.TrimSuffix(base, "IfExists"), true
	}
	values, ok := naiveList(v)
	if !ok || !naiveKnows(base) {
		return "?"
	}
	key = strings.ToLower(key)
	got := ctx.keys[key]
	if len(got) == 0 && strings.HasSuffix(key, ":oaud") && strings.HasPrefix(key, strings.ToLower(fuzzHost)) {
		return "?" // no source says what it is without azp
	}
	if base == "Null" {
		if set != "" || ifExists {
			return "?"
		}
		out, empty := "no", "no" // the second, if an empty value is null
		for _, value := range values {
			switch vague := len(got) > 0 && strings.Join(got, "") == ""; strings.ToLower(value) {
			case "true":
				out = naiveOr(out, naiveBool(len(got) == 0))
				empty = naiveOr(empty, naiveBool(len(got) == 0 || vague))
			case "false":
				out = naiveOr(out, naiveBool(len(got) > 0))
				empty = naiveOr(empty, naiveBool(len(got) > 0 && !vague))
			default:
				out, empty = naiveOr(out, "?"), naiveOr(empty, "?")
			}
		}
		if out != empty { // no source says whether it is
			return "?"
		}
		return out
	}
	negated := strings.Contains(base, "Not")
	if len(got) == 0 {
		switch {
		case set == "ForAnyValue:" && ifExists:
			return "?"
		case set == "ForAnyValue:":
			return "no"
		}
		return naiveBool(ifExists || negated || set == "ForAllValues:")
	}
	if set != "" && strings.Join(got, "") == "" { // an empty data set
		switch {
		case set == "ForAnyValue:" && ifExists:
			return "?"
		case set == "ForAnyValue:":
			return "no"
		}
		return "yes"
	}
	var each []string
	for _, g := range got {
		one := "no"
		for _, value := range values {
			one = naiveOr(one, naiveMatch(base, value, g, ctx, variables))
		}
		if negated {
			one = naiveNot(one)
		}
		each = append(each, one)
	}
	all, some := naiveAnd(each...), naiveOr(each...)
	switch {
	case set == "ForAnyValue:":
		return some
	case set == "" && all != some:
		return "?"
	}
	return all
}

func naiveKnows(base string) bool {
	for _, known := range strings.Fields(`StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase
		StringLike StringNotLike NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan
		NumericGreaterThanEquals DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan
		DateGreaterThanEquals Bool IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike Null`) {
		if base == known {
			return true
		}
	}
	return false
}
