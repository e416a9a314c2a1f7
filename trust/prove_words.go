package trust

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/language"
)

// words returns texts that stand for all that the key's values can be: whatever the value, one of
// them gets the same verdict from every condition that is not opaque.
func (v *variable) words(d domain, budget *language.Budget) (words []string, complete bool) {
	unions, families := v.unions()
	if len(families) == 1 && len(unions) == 0 && d.within == nil && d.names == nil {
		if words, ok := v.points(families[0]); ok {
			return append(words, "", "x"), true
		}
	}
	var samples []string
	for i := range v.columns {
		c := v.columns[i].condition
		if slices.Contains(families, c.op.family) {
			v.columns[i].opaque = true
			samples = append(samples, c.texts...)
		}
	}
	if v.known != nil {
		return slices.Concat(v.known, samples), true
	}
	unions = append(unions, language.Union{language.Literal("")})
	words, complete = language.Classes(append(unions, d.further()...), d.within, budget)
	if complete {
		v.known = slices.Clone(words)
	} else {
		samples = append(samples, v.samples()...)
	}
	return append(words, samples...), complete
}

// samples are texts that each pattern matches, for where the search for all classes was given up.
func (v *variable) samples() (samples []string) {
	for i := range v.columns {
		for _, text := range v.columns[i].condition.texts {
			samples = append(samples, strings.NewReplacer("*", "", "?", "x").Replace(text), strings.NewReplacer("*", "xy", "?", "x").Replace(text))
		}
	}
	return samples
}

// unions returns the languages that the conditions compare with, and the families of operators
// whose values are not compared as texts.
func (v *variable) unions() (unions []language.Union, families []family) {
	if isARNKey(v.name) {
		unions = append(unions, wellFormedARN())
	}
	for i := range v.columns {
		c := v.columns[i].condition
		if c.flaw != "" {
			continue
		}
		switch f := c.op.family; f {
		case familyNull:
		case familyNumeric, familyDate, familyIP:
			if !slices.Contains(families, f) {
				families = append(families, f)
			}
		default:
			unions = append(unions, c.unions()...)
		}
	}
	return unions, families
}

// unions are the languages that decide what the condition says to one value.
func (c *condition) unions() []language.Union {
	var texts, folded language.Union
	for i := range c.values {
		m := &c.values[i]
		if m.flaw || m.template.hasVariable() {
			continue // unproven, whatever the value
		}
		texts = append(texts, m.language())
		if m.family == familyStringIgnoreCase {
			folded = append(folded, language.Fold(m.plain()))
		}
	}
	unions := []language.Union{texts}
	if folded != nil {
		unions = append(unions, folded)
	}
	if c.op.family == familyArn {
		unions = append(unions, wellFormedARN()) // anything else is unproven
	}
	return unions
}

func wellFormedARN() language.Union { return language.Union{language.Glob("*:*:*:*:*:*")} }

func (t *template) hasVariable() bool {
	return t != nil && slices.ContainsFunc(t.pieces, func(p piece) bool { return p.key != "" })
}

// plain is the text of a value without wildcards.
func (m *matcher) plain() string {
	if m.template == nil {
		return m.text
	}
	text, _ := m.template.literal(&request{})
	return text
}

// language is what the value matches.
func (m *matcher) language() language.Pattern {
	switch m.family {
	case familyString:
		return language.Literal(m.plain())
	case familyStringIgnoreCase, familyBool:
		return language.FoldASCII(m.plain())
	}
	b := language.Builder{ARN: m.family == familyArn}
	if m.template == nil {
		b.Glob(m.text)
		return b.Pattern()
	}
	for _, p := range m.template.pieces {
		if p.escaped {
			b.Literal(p.text)
		} else {
			b.Glob(p.text)
		}
	}
	return b.Pattern()
}

// points returns the values of ordered conditions and one between each two of them, before the
// first and after the last; ok is false where a value cannot be written so that it is read back.
func (v *variable) points(f family) (words []string, ok bool) {
	var values []*matcher
	for i := range v.columns {
		c := v.columns[i].condition
		for j := range c.values {
			if m := &c.values[j]; c.op.family == f && !m.flaw {
				values = append(values, m)
			}
		}
	}
	switch f {
	case familyNumeric:
		return numbers(values)
	case familyDate:
		return dates(values)
	}
	return addresses(values), true
}

// maxDigits leaves room in maxNumber for what a number in the middle of two needs.
const maxDigits = maxNumber/2 - 2

func numbers(values []*matcher) (words []string, ok bool) {
	var points []*big.Rat
	for _, m := range values {
		if len(m.text) > maxDigits {
			return nil, false
		}
		points = append(points, m.number)
	}
	slices.SortFunc(points, func(a, b *big.Rat) int { return a.Cmp(b) })
	one := big.NewRat(1, 1)
	for i, p := range points {
		before := new(big.Rat).Sub(p, one)
		if i > 0 {
			before.Add(points[i-1], p).Mul(before, big.NewRat(1, 2))
		}
		words = append(words, decimal(before), decimal(p))
		if i == len(points)-1 {
			words = append(words, decimal(new(big.Rat).Add(p, one)))
		}
	}
	return words, true
}

// decimal writes a number of few digits exactly.
func decimal(r *big.Rat) string {
	s := r.FloatString(maxDigits)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func dates(values []*matcher) (words []string, ok bool) {
	for _, m := range values {
		if y := m.date.UTC().Year(); y < 1 || y > 9998 {
			return nil, false
		}
		for _, t := range []time.Time{m.date.Add(-1), m.date, m.date.Add(1)} {
			words = append(words, t.UTC().Format(time.RFC3339Nano))
		}
	}
	return words, true
}

// addresses returns the first of each stretch of addresses that no prefix divides.
func addresses(values []*matcher) []string {
	words := []string{"192.0.2.1", "0.0.0.0", "2001:db8::1", "::"}
	for _, m := range values {
		words = append(words, m.prefix.Addr().String())
		if next := lastOf(m.prefix).Next(); next.IsValid() {
			words = append(words, next.String())
		}
	}
	return words
}

func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(raw); i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}
