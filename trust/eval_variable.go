package trust

import (
	"strings"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/glob"
)

// template is a condition value with policy variables: "${aws:RequestTag/team}",
// "${aws:username, 'nobody'}", and the escapes "${*}", "${?}" and "${$}"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
// What a variable brings in is literal text: a '*' in a token is not a wildcard.
type template struct{ pieces []piece }

type piece struct {
	text       string // literal, when key is ""; wildcards in it count
	escaped    bool   // text is literal even where wildcards count
	key        string // in lower case
	fallback   string
	hasDefault bool
}

// parseTemplate reports a value that it cannot read as flawed.
func parseTemplate(s string) (t *template, flaw bool) {
	t = &template{}
	for {
		before, rest, found := strings.Cut(s, "${")
		t.pieces = append(t.pieces, piece{text: before})
		if !found {
			return t, false
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, true
		}
		p, ok := parseVariable(inner)
		if !ok {
			return nil, true
		}
		t.pieces = append(t.pieces, p)
		s = after
	}
}

func parseVariable(s string) (piece, bool) {
	switch s {
	case "*", "?", "$":
		return piece{text: s, escaped: true}, true
	}
	key, rest, hasDefault := strings.Cut(s, ",")
	p := piece{key: lowerASCII(strings.TrimSpace(key)), hasDefault: hasDefault}
	if hasDefault {
		quoted := strings.TrimSpace(rest)
		if len(quoted) < 2 || quoted[0] != '\'' || quoted[len(quoted)-1] != '\'' {
			return piece{}, false
		}
		p.fallback = quoted[1 : len(quoted)-1]
	}
	return p, p.key != "" && !isMultivalued(p.key) && !strings.ContainsAny(p.key, "${' ") && !strings.ContainsAny(p.fallback, "'$")
}

// value fills in the variable; ok is false without a request, when the key holds a list, or a value
// that is not text: a glob has a use of its own for bytes that are not UTF-8.
func (p *piece) value(r *request) (text string, ok bool) {
	if p.key == "" || r == nil {
		return p.text, p.key == ""
	}
	got, presence := r.lookup(p.key)
	switch {
	case presence == present && !got.isMany:
		return got.one, utf8.ValidString(got.one)
	case presence == absent && p.hasDefault:
		return p.fallback, true
	}
	return "", false
}

// literal is the whole text, for the operators without wildcards.
func (t *template) literal(r *request) (string, bool) {
	var b strings.Builder
	for i := range t.pieces {
		text, ok := t.pieces[i].value(r)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

func (t *template) glob(r *request) (glob.Glob, bool) {
	var b glob.Builder
	for i := range t.pieces {
		p := &t.pieces[i]
		text, ok := p.value(r)
		if !ok {
			return glob.Glob{}, false
		}
		for j := range len(text) {
			p.add(&b, text[j:j+1])
		}
	}
	return b.Glob(), true
}

// add adds a byte of the piece's text.
func (p *piece) add(b *glob.Builder, char string) {
	if (char == "*" || char == "?") && p.key == "" && !p.escaped {
		b.Wildcard(char[0])
		return
	}
	b.Literal(char)
}

// arn splits the template at the colons that the policy's author wrote or a variable brings.
func (t *template) arn(r *request) ([]glob.Glob, bool) {
	builders := make([]glob.Builder, 1, 6)
	for i := range t.pieces {
		p := &t.pieces[i]
		text, ok := p.value(r)
		if !ok {
			return nil, false
		}
		for j := range len(text) {
			if text[j] == ':' && len(builders) < 6 {
				builders = append(builders, glob.Builder{})
				continue
			}
			p.add(&builders[len(builders)-1], text[j:j+1])
		}
	}
	globs := make([]glob.Glob, len(builders))
	for i := range builders {
		globs[i] = builders[i].Glob()
	}
	return globs, len(globs) == 6
}
