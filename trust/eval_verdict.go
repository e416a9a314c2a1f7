package trust

// verdict is the answer to one question of an evaluation. unproven stands for everything that
// no source settles or that cannot be known offline: it never lets an Allow match and always
// lets a Deny match.
type verdict int8

const (
	no verdict = iota
	unproven
	yes
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// not keeps unproven as it is.
func (v verdict) not() verdict { return yes - v }

// counts says whether a statement of the effect matches with this verdict.
func (v verdict) counts(e Effect) bool {
	if e == Allow {
		return v == yes
	}
	return v != no
}
