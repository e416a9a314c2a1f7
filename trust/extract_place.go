package trust

import (
	"bytes"
	"iter"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// place is one value in a document that strictjson.Check has passed. The zero value is a value
// that is not there: it has no members, no items and no text.
type place struct {
	doc        []byte
	start, end int // in doc
	pointer    string
}

func wholeDocument(doc []byte) place {
	start := len(doc) - len(bytes.TrimLeft(doc, " \t\r\n"))
	return place{doc: doc, start: start, end: len(bytes.TrimRight(doc, " \t\r\n"))}
}

func (p place) exists() bool { return p.end > p.start }

func (p place) bytes() []byte { return p.doc[p.start:p.end:p.end] }

// kind is the value's first byte, '0' for any number, 0 for a value that is not there.
func (p place) kind() jsontext.Kind {
	if !p.exists() {
		return 0
	}
	return jsontext.Value(p.bytes()).Kind()
}

func (p place) isTrue() bool { return p.kind() == 't' }

// text is a string's content.
func (p place) text() (string, bool) {
	if p.kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, p.bytes())
	return string(b), err == nil
}

// members are those of an object; anything else has none.
func (p place) members() iter.Seq2[string, place] {
	return func(yield func(string, place) bool) {
		dec := p.enter('{')
		for dec != nil && dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				return
			}
			text := name.String()
			if v, ok := p.next(dec, text); !ok || !yield(text, v) {
				return
			}
		}
	}
}

// names are those of the members.
func (p place) names() map[string]bool {
	all := map[string]bool{}
	for name := range p.members() {
		all[name] = true
	}
	return all
}

// items are those of an array; anything else has none.
func (p place) items() iter.Seq[place] {
	return func(yield func(place) bool) {
		dec := p.enter('[')
		for i := 0; dec != nil && dec.PeekKind() != ']'; i++ {
			if v, ok := p.next(dec, strconv.Itoa(i)); !ok || !yield(v) {
				return
			}
		}
	}
}

// enter returns nil for a value of another kind.
func (p place) enter(kind jsontext.Kind) *jsontext.Decoder {
	if p.kind() != kind {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(p.bytes()), jsontext.AllowDuplicateNames(true)) // checked already
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	return dec
}

func (p place) next(dec *jsontext.Decoder, name string) (place, bool) {
	v, err := dec.ReadValue()
	if err != nil {
		return place{}, false
	}
	end := p.start + int(dec.InputOffset())
	return place{doc: p.doc, start: end - len(v), end: end, pointer: p.pointer + "/" + jsontree.EscapePointer(name)}, true
}

// get follows names into objects.
func (p place) get(names ...string) place {
	for _, name := range names {
		next := place{}
		for member, v := range p.members() {
			if member == name {
				next = v
				break
			}
		}
		p = next
	}
	return p
}
