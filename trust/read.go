package trust

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// documentLimits are far above what IAM takes: its policyDocumentType ends at 131,072
// characters, which UTF-8 may need two bytes each for, and a policy nests six deep
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
func documentLimits() strictjson.Limits { return strictjson.Limits{Bytes: 2 * 131072, Depth: 32} }

// SyntaxError says where a document is not one that can be read as a policy. It never holds
// the document's content beyond the names of its members.
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
func readDocument(doc []byte) (*node, error) {
	if err := strictjson.Check(doc, documentLimits()); err != nil {
		return nil, syntaxError(err, messageInvalidJSON)
	}
	r := reader{doc: doc, dec: jsontext.NewDecoder(bytes.NewBuffer(doc))}
	root, err := r.value(levelDocument)
	if err != nil {
		return nil, syntaxError(err, messageSyntax)
	}
	if root.kind != '{' {
		return nil, syntaxError(strictjson.At(doc, 0, "", "a policy is a JSON object"), messageSyntax)
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

// reader builds the tree of a document that strictjson.Check has passed, so that depth, size
// and duplicate names need no second look.
type reader struct {
	doc []byte
	dec *jsontext.Decoder
}

func (r *reader) value(l level) (*node, error) {
	token, err := r.dec.ReadToken()
	if err != nil {
		return nil, strictjson.Locate(r.doc, err)
	}
	n := &node{kind: byte(token.Kind())}
	switch n.kind {
	case '"', '0':
		n.text = token.String()
	case '{':
		err = r.object(n, l)
	case '[':
		for r.dec.PeekKind() != ']' {
			item, err := r.value(l)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err = r.dec.ReadToken()
	}
	return n, err
}

func (r *reader) object(n *node, l level) error {
	for r.dec.PeekKind() != '}' {
		name, err := r.dec.ReadToken()
		if err != nil {
			return strictjson.Locate(r.doc, err)
		}
		m := member{name: name.String()}
		if err := r.checkName(m.name, l); err != nil {
			return err
		}
		if m.value, err = r.value(l.below(m.name)); err != nil {
			return err
		}
		n.members = append(n.members, m)
	}
	_, err := r.dec.ReadToken()
	return err
}

// checkName refuses a known name in another case. IAM does not know it, a careless reader
// such as encoding/json does, and a statement whose "condition" one of them overlooks is open.
func (r *reader) checkName(name string, l level) error {
	for _, known := range l.knownNames() {
		if name != known && strings.EqualFold(name, known) {
			start := bytes.LastIndexByte(r.doc[:r.dec.InputOffset()-1], '"')
			return strictjson.At(r.doc, start, string(r.dec.StackPointer()),
				fmt.Sprintf("names are case-sensitive: it must be written %q", known))
		}
	}
	return nil
}
