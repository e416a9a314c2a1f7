package trust

import (
	"errors"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// Policy is a trust policy document. It is immutable: edits return another policy. The zero
// value and nil allow nothing. It is safe for concurrent use, UnmarshalJSON excepted.
type Policy struct {
	root       *jsontree.Value // nil: the empty policy
	statements []statement
	flaws      []flaw  // everything for which IAM would refuse it
	refused    *flaw   // the one for which it cannot hold it: nothing is allowed then
	origin     *origin // nil: it was built, or edited
}

// Parse reads a document strictly and keeps all of it: the order of members, one value or a list,
// and what this package does not know. Errors are *SyntaxError: JSON that is not well formed, a
// duplicate or wrongly cased name, anything after the document, not an object, more than 256 KiB,
// more than 32 levels. A document that can be read but that IAM would not store is for Validate to
// report; it never allows anything.
func Parse(document []byte) (*Policy, error) {
	return parseAt(document, 1, 1)
}

func newPolicy(root *jsontree.Value) *Policy {
	c := compiler{sids: map[string]bool{}}
	p := &Policy{root: root, statements: c.document(root)}
	for i := range p.statements {
		c.sharedIssuers(&p.statements[i])
	}
	p.flaws, p.refused = c.flaws, refusal(c.flaws)
	return p
}

// tree returns the document, that of an empty policy for nil and the zero value.
func (p *Policy) tree() *jsontree.Value {
	if p == nil || p.root == nil {
		return emptyDocument()
	}
	return p.root
}

func emptyDocument() *jsontree.Value {
	return jsontree.Object(
		jsontree.Named("Version", jsontree.String(versionCurrent)),
		jsontree.Named("Statement", jsontree.Array()),
	)
}

func (p *Policy) list() []statement {
	if p == nil {
		return nil
	}
	return p.statements
}

// Len returns how many statements the policy has.
func (p *Policy) Len() int { return len(p.list()) }

// Document returns the JSON to send to IAM: without white space; with '<', '>' and '&' as they are;
// and with everything above U+00FF, which IAM does not take, escaped. A nil or zero policy gives
// one without statements, which IAM refuses.
func (p *Policy) Document() string { return p.tree().JSON() }

// String is Document.
func (p *Policy) String() string { return p.Document() }

// MarshalJSON returns Document's bytes. Note that encoding/json, when it puts them into a larger
// document, escapes '<', '>' and '&'.
func (p *Policy) MarshalJSON() ([]byte, error) { return p.tree().AppendJSON(nil), nil }

// UnmarshalJSON is Parse. It replaces what the policy was, so it must not run while others use
// the same *Policy; on error the policy stays as it was.
func (p *Policy) UnmarshalJSON(document []byte) error {
	if p == nil {
		return errors.New("trust: UnmarshalJSON into a nil *Policy")
	}
	parsed, err := Parse(document)
	if err != nil {
		return err
	}
	*p = *parsed
	return nil
}
