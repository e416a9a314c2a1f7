package trust

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// documentLimits are far above what IAM takes: its policyDocumentType ends at 131,072
// characters, which UTF-8 may need two bytes each for, and a policy nests six deep
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
func documentLimits() strictjson.Limits { return strictjson.Limits{Bytes: 2 * 131072, Depth: 32} }

// SyntaxError says where a document cannot be read as a policy. It never holds the document's
// content beyond the names of its members.
type SyntaxError struct {
	// Line counts from 1.
	Line int
	// Column counts characters from 1.
	Column int
	// Pointer is the JSON pointer (RFC 6901) of the value at fault; "" is the whole document.
	Pointer string
	// Reason says what is wrong there.
	Reason string
	// Message is what IAM answers to such a document after "MalformedPolicyDocument: ".
	Message string
}

// Error returns the place and the reason in one line.
func (e *SyntaxError) Error() string {
	at := ""
	if e.Pointer != "" {
		at = fmt.Sprintf(" at %q", e.Pointer)
	}
	return fmt.Sprintf("line %d, column %d%s: %s", e.Line, e.Column, at, e.Reason)
}

const (
	messageInvalidJSON = "This policy contains invalid Json"
	messageSyntax      = "Syntax errors in policy."
)

// readDocument reads the whole document into a tree.
func readDocument(doc []byte) (*jsontree.Value, error) {
	root, err := jsontree.Parse(doc, documentLimits())
	if err != nil {
		return nil, syntaxError(err, messageInvalidJSON)
	}
	if root.Kind() != '{' {
		reason := "a policy is a JSON object"
		if root.Kind() == '[' {
			reason += " and not a list: Extract takes the policies out of one"
		}
		return nil, syntaxError(strictjson.At(doc, 0, "", reason), messageSyntax)
	}
	if pointer, known := misspelt(root, levelDocument); known != "" {
		at := jsontree.Offsets(doc, pointer)[pointer]
		return nil, syntaxError(strictjson.At(doc, at, pointer,
			fmt.Sprintf("names are case-sensitive: it must be written %q", known)), messageSyntax)
	}
	return root, nil
}

func syntaxError(err error, message string) error {
	var located *strictjson.Error
	if !errors.As(err, &located) {
		return err
	}
	return &SyntaxError{Line: located.Line, Column: located.Column, Pointer: located.Pointer, Reason: located.Reason, Message: message}
}

// level is the place in a policy that decides which member names are known there.
type level int

const (
	levelDocument level = iota
	levelStatement
	levelPrincipal
	levelOther
)

// knownNames are the element names of the policy grammar
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
func (l level) knownNames() []string {
	switch l {
	case levelDocument:
		return []string{"Version", "Id", "Statement"}
	case levelStatement:
		return []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
	case levelPrincipal:
		return []string{"AWS", "Federated", "Service", "CanonicalUser"}
	}
	return nil
}

func (l level) below(name string) level {
	switch {
	case l == levelDocument && name == "Statement":
		return levelStatement
	case l == levelStatement && (name == "Principal" || name == "NotPrincipal"):
		return levelPrincipal
	}
	return levelOther
}

// misspelt finds a known name in another case, and says what it should be. IAM does not know the
// name, but a careless reader such as encoding/json does. A statement whose "condition" one of them
// overlooks is open.
func misspelt(v *jsontree.Value, l level) (pointer, known string) {
	for i, item := range v.Items() {
		if pointer, known := misspelt(item, l); known != "" {
			return "/" + strconv.Itoa(i) + pointer, known
		}
	}
	for _, m := range v.Members() {
		for _, known := range l.knownNames() {
			if m.Name != known && strings.EqualFold(m.Name, known) {
				return "/" + jsontree.EscapePointer(m.Name), known
			}
		}
		if pointer, known := misspelt(m.Value, l.below(m.Name)); known != "" {
			return "/" + jsontree.EscapePointer(m.Name) + pointer, known
		}
	}
	return "", ""
}
