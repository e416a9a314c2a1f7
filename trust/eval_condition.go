package trust

import (
	"github.com/irsa-go/irsa/internal/jsontree"
)

// condition is one key under one operator, with its values made ready.
type condition struct {
	pointer  string
	operator string // as written
	key      string // as written
	lookup   string // the key in lower case
	op       operator
	texts    []string // the values as written
	values   []matcher
	flaw     string // why it can never be judged; "" when nothing is wrong
}

func (c *compiler) conditions(block *jsontree.Value, path string) []condition {
	if block != nil && block.Kind() != '{' {
		c.refuse(path, messageSyntax, "its Condition is not an object")
	}
	var conditions []condition
	for _, operator := range block.Members() {
		at := path + "/" + jsontree.EscapePointer(operator.Name)
		if operator.Value.Kind() != '{' {
			c.refuse(at, messageSyntax, "its Condition has an operator that is not an object of keys")
			continue
		}
		op, order := parseOperator(operator.Name)
		if op.family == familyUnknown && !isBinary(operator.Name) {
			c.doubt(at, messageSyntax, "")
		}
		counts := spellings(operator.Value)
		for _, key := range operator.Value.Members() {
			cond := condition{
				pointer: at + "/" + jsontree.EscapePointer(key.Name), operator: operator.Name,
				key: key.Name, lookup: lowerASCII(key.Name), op: op,
			}
			c.conditionKey(cond.key, cond.pointer)
			c.values(&cond, key.Value, order)
			if counts[cond.lookup] > 1 {
				cond.flaw = "the operator has the key twice, in two spellings" // what IAM makes of that, no source says
			}
			conditions = append(conditions, cond)
		}
	}
	return conditions
}

// spellings counts the keys of an operator by their lower case.
func spellings(keys *jsontree.Value) map[string]int {
	counts := map[string]int{}
	for _, m := range keys.Members() {
		counts[lowerASCII(m.Name)]++
	}
	return counts
}

// values makes a condition's values ready, or says why it can never be judged.
func (c *compiler) values(cond *condition, v *jsontree.Value, order ordering) {
	texts, ok := v.Scalars()
	cond.texts = texts
	switch {
	case !ok:
		cond.flaw = "the value is neither a scalar nor a list of scalars"
		c.refuse(cond.pointer, messageSyntax, "")
	case len(texts) == 0:
		cond.flaw = "the list of values is empty" // which IAM stores: see sharedControl for the source
	default:
		for _, text := range texts {
			cond.values = append(cond.values, compileMatcher(cond.op, order, text, c.variables))
		}
	}
	if cond.op.family == familyUnknown {
		cond.flaw = "the operator is not known"
	}
}

// match follows
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
func (c *condition) match(j judge, got *attribute, p presence) verdict {
	switch {
	case c.flaw != "":
		return unproven
	case p == unknown:
		return j.unknown
	case c.op.family == familyNull:
		return c.matchNull(got, p)
	case p == absent:
		return c.absent()
	case c.op.set == setNone:
		return c.matchEvery(j.r, got)
	}
	return c.matchSet(j.r, got)
}

// matchEvery is for an operator that takes one value: of several, all must agree.
func (c *condition) matchEvery(r *request, got *attribute) verdict {
	v := c.matchOne(r, got.at(0))
	for i := 1; i < got.len(); i++ {
		if c.matchOne(r, got.at(i)) != v {
			return unproven
		}
	}
	return v
}

// matchSet: values that are all empty are an empty data set, which is as if the key were absent.
// No source says what one empty value among others is, so both readings must agree.
func (c *condition) matchSet(r *request, got *attribute) verdict {
	all, some := yes, no // of the values that are not empty
	filled, empty := 0, verdict(-1)
	for i := range got.len() {
		v := c.matchOne(r, got.at(i))
		if got.at(i) == "" {
			empty = v
			continue
		}
		filled++
		all, some = min(all, v), max(some, v)
	}
	v, with := all, min(all, empty)
	if c.op.set == setForAnyValue {
		v, with = some, max(some, empty)
	}
	switch {
	case filled == 0:
		return c.absent()
	case empty >= no && v != with:
		return unproven
	}
	return v
}

// absent is the verdict on a key that the request does not have: IfExists and ForAllValues are
// satisfied, ForAnyValue is not, and without a qualifier a negated operator is. Which of
// ForAnyValue and IfExists wins, no source says.
func (c *condition) absent() verdict {
	if c.op.set == setForAnyValue {
		return unprovenIf(c.op.ifExists)
	}
	return verdictOf(c.op.ifExists || c.op.negated || c.op.set == setForAllValues)
}

// matchNull: a key that is there and empty is null to the one who guards ForAllValues with Null, as
// IAM advises (same source as match), and not null to the letter. Both readings must agree.
func (c *condition) matchNull(got *attribute, p presence) verdict {
	v := c.isNull(p == absent)
	if p == present && got.isEmpty() && v != c.isNull(true) {
		return unproven
	}
	return v
}

func (c *condition) isNull(null bool) verdict {
	v := no
	for i := range c.values {
		v = max(v, c.values[i].matchNull(null))
	}
	return v
}

// matchOne compares one value of the request with the condition's values, which are ORed; a
// negated operator asks that none of them matches.
func (c *condition) matchOne(r *request, got string) verdict {
	v := no
	for i := range c.values {
		if v = max(v, c.values[i].match(r, got)); v == yes {
			break
		}
	}
	if c.op.negated {
		return v.not()
	}
	return v
}
