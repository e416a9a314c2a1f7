package trust

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/kubename"
)

const serviceAccountPrefix = kubename.SubjectPrefix

// maxSubject is above the longest sub of Kubernetes: 22 + 63 + 1 + 253 characters.
const maxSubject = 1024

// Subject is one exact sub of a token. It is opaque and comparable; the zero value is not
// a subject. It is immutable and safe for concurrent use.
type Subject struct{ text string }

// ServiceAccount returns the subject of a Kubernetes service account:
// "system:serviceaccount:NAMESPACE:NAME". Both names must be ones that Kubernetes allows, so
// neither can be empty, hold a wildcard or smuggle in a colon.
func ServiceAccount(namespace, name string) (Subject, error) {
	text := kubename.Subject(namespace, name)
	if err := errors.Join(kubename.CheckNamespace(namespace), kubename.CheckServiceAccount(name)); err != nil {
		return Subject{}, fmt.Errorf("trust: subject %q: %w", text, err)
	}
	return Subject{text}, nil
}

// ParseSubject takes the sub of any issuer, such as "repo:octo-org/octo-repo:environment:prod".
// One that begins with "system:serviceaccount:" must name a service account as ServiceAccount
// does. It refuses '*' and '?', which belong to a Pattern; "${", which IAM would read as a
// policy variable; control characters; and more than 1024 bytes.
func ParseSubject(s string) (Subject, error) {
	if err := checkSubject(s); err != nil {
		return Subject{}, fmt.Errorf("trust: subject %q: %w", clip(s), err)
	}
	return Subject{s}, nil
}

func checkSubject(s string) error {
	if err := checkSubText(s); err != nil {
		return err
	}
	if strings.ContainsAny(s, "*?") {
		return errors.New("a subject is exact and cannot contain '*' or '?': use a Pattern")
	}
	if strings.HasPrefix(s, serviceAccountPrefix) {
		_, _, err := kubename.ParseSubject(s)
		return err
	}
	return nil
}

// checkSubText is what subjects and patterns have in common.
func checkSubText(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case len(s) > maxSubject:
		return fmt.Errorf("it has %d bytes, more than %d", len(s), maxSubject)
	case !utf8.ValidString(s):
		return errors.New("it is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("it contains a control character")
	case strings.Contains(s, "${"):
		return errors.New(`it contains "${", which begins a policy variable`)
	}
	return nil
}

// clip bounds what a message repeats of its input.
func clip(s string) string {
	if len(s) > maxSubject {
		return s[:maxSubject] + "…"
	}
	return s
}

// String returns the sub; "" for the zero value.
func (s Subject) String() string { return s.text }

// IsZero says whether s names nobody.
func (s Subject) IsZero() bool { return s == Subject{} }

// ServiceAccount returns the namespace and the name when the subject is a Kubernetes service
// account.
func (s Subject) ServiceAccount() (namespace, name string, ok bool) {
	namespace, name, err := kubename.ParseSubject(s.text)
	return namespace, name, err == nil
}

// MarshalText returns the sub; nothing for the zero value.
func (s Subject) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText is ParseSubject; empty text gives the zero value.
func (s *Subject) UnmarshalText(text []byte) error {
	if s == nil {
		return errors.New("trust: UnmarshalText into a nil *Subject")
	}
	if len(text) == 0 {
		*s = Subject{}
		return nil
	}
	parsed, err := ParseSubject(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
