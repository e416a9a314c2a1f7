package trust

import "strings"

// operator is a condition operator taken apart
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
// The zero value is one that this package does not know.
type operator struct {
	family   family
	negated  bool // StringNotEquals and the like: true when no value matches
	ifExists bool
	set      setQualifier
}

type family int

const (
	familyUnknown family = iota
	familyString
	familyStringIgnoreCase
	familyStringLike
	familyNumeric
	familyDate
	familyBool
	familyIP
	familyArn
	familyNull
)

// ordering says which results of a comparison satisfy a Numeric or Date operator.
type ordering int

const (
	orderEqual ordering = iota
	orderLess
	orderLessEqual
	orderGreater
	orderGreaterEqual
)

func (o ordering) accepts(cmp int) bool {
	switch o {
	case orderLess:
		return cmp < 0
	case orderLessEqual:
		return cmp <= 0
	case orderGreater:
		return cmp > 0
	case orderGreaterEqual:
		return cmp >= 0
	}
	return cmp == 0
}

type setQualifier int

const (
	setNone setQualifier = iota
	setForAllValues
	setForAnyValue
)

// parseOperator reads a name such as "ForAnyValue:StringNotLikeIfExists". The spelling is
// exact: how IAM treats another case is not documented, so it is not known here either.
func parseOperator(name string) (operator, ordering) {
	var op operator
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		op.set, name = setForAllValues, rest
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		op.set, name = setForAnyValue, rest
	}
	name, op.ifExists = strings.CutSuffix(name, "IfExists")
	var order ordering
	switch name {
	case "Null": // takes neither IfExists nor a set qualifier
		if op != (operator{}) {
			return operator{}, orderEqual
		}
		op.family = familyNull
	case "StringEquals", "StringNotEquals":
		op.family = familyString
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		op.family = familyStringIgnoreCase
	case "StringLike", "StringNotLike":
		op.family = familyStringLike
	case "Bool":
		op.family = familyBool
	case "IpAddress", "NotIpAddress":
		op.family = familyIP
	case "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike": // Equals and Like are the same
		op.family = familyArn
	default:
		op.family, order = parseOrdered(name)
	}
	if op.family == familyUnknown {
		return operator{}, orderEqual
	}
	op.negated = strings.Contains(name, "Not")
	return op, order
}

func parseOrdered(name string) (family, ordering) {
	f := familyNumeric
	rest, ok := strings.CutPrefix(name, "Numeric")
	if !ok {
		f = familyDate
		if rest, ok = strings.CutPrefix(name, "Date"); !ok {
			return familyUnknown, orderEqual
		}
	}
	switch rest {
	case "Equals", "NotEquals":
		return f, orderEqual
	case "LessThan":
		return f, orderLess
	case "LessThanEquals":
		return f, orderLessEqual
	case "GreaterThan":
		return f, orderGreater
	case "GreaterThanEquals":
		return f, orderGreaterEqual
	}
	return familyUnknown, orderEqual
}

// isMatching says that the operator compares strings and is satisfied by a match: the
// operators under which a value names somebody to let in.
func (op operator) isMatching() bool { return op.isText() && !op.negated }

// isText says that the operator compares strings.
func (op operator) isText() bool {
	return op.family == familyString || op.family == familyStringIgnoreCase || op.family == familyStringLike
}
