package trust

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// origin is the text that a policy was read from. It tells where a finding is.
type origin struct {
	document     []byte
	line, column int // where the document begins in a larger one, 1 and 1 otherwise
}

// parseAt is Parse for a policy that begins at this line and column of a larger document.
func parseAt(document []byte, line, column int) (*Policy, error) {
	o := &origin{line: line, column: column}
	root, err := readDocument(document)
	if syntax := (*SyntaxError)(nil); errors.As(err, &syntax) {
		syntax.Line, syntax.Column = o.shift(syntax.Line, syntax.Column)
	}
	if err != nil {
		return nil, fmt.Errorf("trust: policy: %w", err)
	}
	p := newPolicy(root)
	o.document = bytes.Clone(document)
	p.origin = o
	return p, nil
}

// shift turns a position in the policy's text into one of the larger document.
func (o *origin) shift(line, column int) (int, int) {
	if line == 1 {
		column += o.column - 1
	}
	return line + o.line - 1, column
}

// locate fills in the lines and columns of findings: where their path leads, or as far as the
// document follows it.
func (o *origin) locate(findings []Finding) {
	if o == nil || len(findings) == 0 {
		return
	}
	var pointers []string
	for _, f := range findings {
		for path := f.Path; ; path = parentPointer(path) {
			pointers = append(pointers, path)
			if path == "" {
				break
			}
		}
	}
	offsets := jsontree.Offsets(o.document, pointers...)
	place := func(f *Finding) int {
		path := f.Path
		for path != "" {
			if _, ok := offsets[path]; ok {
				break
			}
			path = parentPointer(path)
		}
		return offsets[path]
	}
	places := make([]*Finding, len(findings))
	for i := range findings {
		places[i] = &findings[i]
	}
	slices.SortFunc(places, func(a, b *Finding) int { return place(a) - place(b) })
	var count lineCounter
	for _, f := range places {
		f.Line, f.Column = o.shift(count.at(o.document, place(f)))
	}
}

// parentPointer drops the last token of a JSON pointer.
func parentPointer(pointer string) string {
	return pointer[:max(0, strings.LastIndexByte(pointer, '/'))]
}

// lineCounter finds lines and columns of offsets that come in the order of the document without
// counting from its beginning each time. Another order only costs more.
type lineCounter struct{ offset, newlines, column int }

// at counts from 1, columns in characters.
func (c *lineCounter) at(doc []byte, offset int) (line, column int) {
	if offset < c.offset {
		*c = lineCounter{}
	}
	passed := doc[c.offset:offset]
	if n := bytes.Count(passed, []byte("\n")); n > 0 {
		c.newlines += n
		c.column = 0
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	c.column += utf8.RuneCount(passed)
	c.offset = offset
	return c.newlines + 1, c.column + 1
}
