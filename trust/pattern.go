package trust

import (
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
)

// Pattern is a sub with wildcards, for StringLike: '*' stands for any characters, none
// included, and '?' for one. Both cross ':' and '/', so "system:serviceaccount:team-*" also
// spans the account's name. It is opaque and comparable; the zero value is not a pattern. It is
// immutable and safe for concurrent use.
type Pattern struct{ text string }

// ParsePattern takes a sub with at least one wildcard and at least one other character: a
// pattern of wildcards alone would trust every token of the issuer. One that begins with
// "system:serviceaccount:" may hold beside wildcards and colons only what Kubernetes allows in
// names. It refuses "${", control characters and more than 1024 bytes.
func ParsePattern(s string) (Pattern, error) {
	if err := checkPattern(s); err != nil {
		return Pattern{}, fmt.Errorf("trust: pattern %q: %w", clip(s), err)
	}
	return Pattern{s}, nil
}

func checkPattern(s string) error {
	if err := checkSubText(s); err != nil {
		return err
	}
	if !strings.ContainsAny(s, "*?") {
		return errors.New("it has no wildcard: that is a Subject")
	}
	if strings.Trim(s, "*?") == "" {
		return errors.New("it has only wildcards: every token of the issuer would match")
	}
	rest, ok := strings.CutPrefix(s, serviceAccountPrefix)
	if !ok {
		return nil
	}
	if strings.Count(rest, ":") > 1 {
		return errors.New(`want "system:serviceaccount:NAMESPACE:NAME"`)
	}
	for _, c := range rest {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-.:*?", c) {
			return fmt.Errorf("a service account's name cannot contain %q", c)
		}
	}
	if strings.HasPrefix(rest, ":") || strings.HasSuffix(rest, ":") {
		return errors.New("neither namespace nor name can be empty")
	}
	return nil
}

// String returns the pattern as a policy has it; "" for the zero value.
func (p Pattern) String() string { return p.text }

// IsZero says whether p is the zero value, which is not a pattern.
func (p Pattern) IsZero() bool { return p == Pattern{} }

// Matches says whether the pattern admits the subject, as StringLike compares them.
func (p Pattern) Matches(s Subject) bool {
	return !p.IsZero() && !s.IsZero() && glob.Compile(p.text).Match(s.text)
}

// MarshalText returns the pattern; nothing for the zero value.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText is ParsePattern; empty text gives the zero value.
func (p *Pattern) UnmarshalText(text []byte) error {
	if p == nil {
		return errors.New("trust: UnmarshalText into a nil *Pattern")
	}
	if len(text) == 0 {
		*p = Pattern{}
		return nil
	}
	parsed, err := ParsePattern(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}
