package oidc

import (
	"fmt"
	"slices"
	"strings"
)

// Drift is how the thumbprints that IAM has differ from those that the issuer's servers show.
// It is a plain value.
type Drift struct {
	// Missing are the thumbprints that the servers show and IAM does not have. Where Need is not
	// [NeedNone], STS refuses tokens until they are added; make sure first that it is the issuer
	// who shows them.
	Missing []string `json:"missing,omitempty"`
	// Stale are the thumbprints that IAM has and the servers do not show here. They may show
	// another chain elsewhere, so a person should decide about dropping these.
	Stale []string `json:"stale,omitempty"`
	// Kept are the thumbprints that both have.
	Kept []string `json:"kept,omitempty"`
	// Need says whether AWS looks at thumbprints at all, as in the report.
	Need Need `json:"need"`
}

// Drift compares with the thumbprints that IAM has, in any case of letters.
func (r *ThumbprintReport) Drift(have []string) Drift {
	var d Drift
	var shown []string
	if r != nil {
		d.Need, shown = r.Need, r.Thumbprints
	}
	var stored []string
	for _, t := range have {
		t = strings.ToLower(t)
		if slices.Contains(stored, t) {
			continue
		}
		stored = append(stored, t)
		if slices.Contains(shown, t) {
			d.Kept = append(d.Kept, t)
		} else {
			d.Stale = append(d.Stale, t)
		}
	}
	for _, t := range shown {
		if !slices.Contains(stored, t) {
			d.Missing = append(d.Missing, t)
		}
	}
	return d
}

// None reports whether both have the same thumbprints.
func (d Drift) None() bool { return len(d.Missing) == 0 && len(d.Stale) == 0 }

// String says it in one line.
func (d Drift) String() string {
	if d.None() {
		return fmt.Sprintf("no drift (%s)", d.Need)
	}
	return fmt.Sprintf("missing in IAM: %s; in IAM only: %s; in both: %s (%s)",
		orNone(strings.Join(d.Missing, " ")), orNone(strings.Join(d.Stale, " ")), orNone(strings.Join(d.Kept, " ")), d.Need)
}
