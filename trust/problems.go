package trust

import "strings"

// problems is several errors found at once, behind one prefix; see errors.Is for how Unwrap
// is used.
type problems struct {
	prefix string
	errs   []error
}

// joinProblems drops nil errors and returns nil when none is left.
func joinProblems(prefix string, errs ...error) error {
	p := &problems{prefix: prefix}
	for _, err := range errs {
		if nested, ok := err.(*problems); ok && nested.prefix == "" {
			p.errs = append(p.errs, nested.errs...)
		} else if err != nil {
			p.errs = append(p.errs, err)
		}
	}
	if len(p.errs) == 0 {
		return nil
	}
	return p
}

// Error gives one problem on the prefix's line, several on a line each.
func (p *problems) Error() string {
	texts := make([]string, len(p.errs))
	for i, err := range p.errs {
		texts[i] = err.Error()
	}
	switch {
	case p.prefix == "":
		return strings.Join(texts, "; ")
	case len(texts) == 1:
		return p.prefix + ": " + texts[0]
	}
	return p.prefix + ":\n\t" + strings.Join(texts, "\n\t")
}

func (p *problems) Unwrap() []error { return p.errs }
