package trust

import (
	"math/big"
	"net/netip"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/glob"
)

// matcher is one value of a condition, compiled for its operator's family.
type matcher struct {
	family   family
	order    ordering
	text     string
	template *template // not nil: policy variables are filled in for each request
	glob     glob.Glob
	arn      []glob.Glob
	number   *big.Rat
	date     time.Time
	prefix   netip.Prefix
	flaw     bool // the value is not of the operator's kind: never proven
}

func compileMatcher(op operator, order ordering, text string, vars bool) matcher {
	m := matcher{family: op.family, order: order, text: text}
	// Variables exist in string and ARN values, and only under the current version:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
	if vars && strings.Contains(text, "${") {
		switch op.family {
		case familyString, familyStringIgnoreCase, familyStringLike, familyArn:
			m.template, m.flaw = parseTemplate(text)
		default:
			m.flaw = true
		}
		return m
	}
	ok := true
	switch op.family {
	case familyStringLike:
		m.glob = glob.Compile(text)
	case familyArn:
		m.arn, ok = compileARN(text)
	case familyNumeric:
		m.number, ok = parseNumber(text)
	case familyDate:
		m.date, ok = parseDate(text)
	case familyIP:
		m.prefix, ok = parsePrefix(text)
	case familyBool, familyNull:
		m.text = lowerASCII(text)
		ok = m.text == "true" || m.text == "false"
	}
	m.flaw = !ok
	return m
}

func (m *matcher) match(r *request, got string) verdict {
	switch {
	case m.flaw:
		return unproven
	case m.template != nil:
		return m.matchTemplate(r, got)
	}
	switch m.family {
	case familyString:
		return verdictOf(got == m.text)
	case familyStringIgnoreCase:
		return equalFold(got, m.text)
	case familyStringLike:
		return verdictOf(m.glob.Match(got))
	case familyArn:
		return matchARN(m.arn, got)
	}
	return m.matchTyped(got)
}

// matchTyped compares what is not a text; a value that is not of the type proves nothing.
func (m *matcher) matchTyped(got string) verdict {
	switch m.family {
	case familyBool:
		if got = lowerASCII(got); got == "true" || got == "false" {
			return verdictOf(got == m.text)
		}
	case familyNumeric:
		if n, ok := parseNumber(got); ok {
			return verdictOf(m.order.accepts(n.Cmp(m.number)))
		}
	case familyDate:
		if d, ok := parseDate(got); ok {
			return verdictOf(m.order.accepts(d.Compare(m.date)))
		}
	case familyIP:
		if addr, err := netip.ParseAddr(got); err == nil && addr.Zone() == "" {
			return verdictOf(m.prefix.Contains(addr.Unmap()))
		}
	}
	return unproven
}

func (m *matcher) matchTemplate(r *request, got string) verdict {
	switch m.family {
	case familyStringLike:
		if g, ok := m.template.glob(r); ok {
			return verdictOf(g.Match(got))
		}
	case familyArn:
		if globs, ok := m.template.arn(r); ok {
			return matchARN(globs, got)
		}
	default:
		text, ok := m.template.literal(r)
		switch {
		case !ok:
			return unproven
		case m.family == familyStringIgnoreCase:
			return equalFold(got, text)
		}
		return verdictOf(got == text)
	}
	return unproven
}

func (m *matcher) matchNull(absent bool) verdict {
	if m.flaw {
		return unproven
	}
	return verdictOf((m.text == "true") == absent)
}

// equalFold: that IAM ignores the case of ASCII letters is certain, of others it is not.
func equalFold(a, b string) verdict {
	switch {
	case lowerASCII(a) == lowerASCII(b):
		return yes
	case strings.EqualFold(a, b):
		return unproven
	}
	return no
}

// maxNumber keeps exact arithmetic on a hostile claim cheap.
const maxNumber = 64

// parseNumber reads a plain decimal, exactly: float64 would call 9007199254740993 and
// 9007199254740992 equal.
func parseNumber(s string) (*big.Rat, bool) {
	if len(s) > maxNumber || strings.Trim(s, "0123456789.+-") != "" {
		return nil, false // SetString would take exponents, fractions and other bases
	}
	return new(big.Rat).SetString(s)
}

// parseDate reads the ISO 8601 forms of https://www.w3.org/TR/NOTE-datetime and seconds since
// 1970, as IAM documents them.
func parseDate(s string) (time.Time, bool) {
	for _, layout := range [...]string{
		time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	n, ok := parseNumber(s)
	if !ok || !n.IsInt() || !n.Num().IsInt64() {
		return time.Time{}, false
	}
	return time.Unix(n.Num().Int64(), 0), true
}

// parsePrefix reads a CIDR block, whose host bits may be set, or an IPv4 address. What an IPv6
// address without a prefix means, no source says.
func parsePrefix(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), !p.Addr().Is4In6()
	}
	addr, _ := netip.ParseAddr(s)
	return netip.PrefixFrom(addr, addr.BitLen()), addr.Is4()
}

// compileARN takes an ARN apart at its colons, so that a wildcard of one field does not reach
// into the next; the sixth field holds all the rest.
func compileARN(s string) ([]glob.Glob, bool) {
	fields := strings.SplitN(s, ":", 6)
	if len(fields) != 6 {
		return nil, false
	}
	globs := make([]glob.Glob, 6)
	for i, f := range fields {
		globs[i] = glob.Compile(f)
	}
	return globs, true
}

func matchARN(globs []glob.Glob, got string) verdict {
	fields := strings.SplitN(got, ":", 6)
	if len(fields) != 6 {
		return unproven
	}
	for i, g := range globs {
		if !g.Match(fields[i]) {
			return no
		}
	}
	return yes
}

// lowerASCII folds A–Z only: Unicode has letters whose lower case is ASCII, and a condition key
// written with one of them names no claim.
func lowerASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}
