// Package jsonscan reads parts of a JSON document in one pass: who calls it goes into the
// objects and arrays that matter and skips the rest, which is checked all the same.
package jsonscan

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// Scanner reads one document at a time. Its errors stick: after the first, it reads nothing
// more, so that callers need not look after every step. Make one with New; it is not safe
// for concurrent use.
type Scanner struct {
	err     error
	doc     []byte
	in      bytes.Buffer
	dec     *jsontext.Decoder
	scratch []byte // for strings with escapes
}

// New makes a Scanner without a document.
func New() *Scanner { return &Scanner{dec: new(jsontext.Decoder)} }

// Read reads all of doc, a single value of at most limit bytes, through root. The error is a
// *strictjson.Error.
func (s *Scanner) Read(doc []byte, limit int, root func()) error {
	s.err = nil
	if len(doc) > limit {
		return strictjson.At(doc, limit, "", fmt.Sprintf("it has %d bytes, more than %d", len(doc), limit))
	}
	s.doc = doc
	s.in = *bytes.NewBuffer(doc) // read in place
	s.dec.Reset(&s.in)
	root()
	if s.err == nil {
		s.err = strictjson.CheckEnd(s.dec, doc)
	}
	if s.err != nil {
		return strictjson.Locate(doc, s.err)
	}
	return nil
}

// Forget lets go of the document.
func (s *Scanner) Forget() {
	*s = Scanner{dec: s.dec}
	s.dec.Reset(&s.in)
}

// Fail ends the reading with a reason of the caller's own, at the value read last.
func (s *Scanner) Fail(reason string) {
	if s.err == nil {
		s.err = strictjson.At(s.doc, int(s.dec.InputOffset()), string(s.dec.StackPointer()), reason)
	}
}

// Rest is what has not been read yet, from the comma or white space before it on.
func (s *Scanner) Rest() []byte {
	return s.doc[min(int(s.dec.InputOffset()), len(s.doc)):]
}

// Offset is how much of the document has been read. Since returns what was read from one
// offset on, without the colon, comma and white space in front of it.
func (s *Scanner) Offset() int { return int(s.dec.InputOffset()) }

// Since is described at Offset.
func (s *Scanner) Since(offset int) []byte {
	end := min(s.Offset(), len(s.doc))
	return bytes.TrimLeft(s.doc[min(offset, end):end:end], ":, \t\r\n")
}

// Raw reads a value as it is, a part of the document.
func (s *Scanner) Raw() []byte {
	if s.err != nil {
		return nil
	}
	v, err := s.dec.ReadValue()
	if err != nil {
		s.err = err
		return nil
	}
	end := int(s.dec.InputOffset())
	return s.doc[end-len(v) : end : end]
}

// Enter goes into an object ('{') or array ('['). It is false when there is nothing to read:
// null is as good as absent, and anything else is an error.
func (s *Scanner) Enter(kind jsontext.Kind) bool {
	if s.err != nil {
		return false
	}
	switch s.dec.PeekKind() {
	case kind:
		_, s.err = s.dec.ReadToken()
		return s.err == nil
	case 'n':
		s.Skip()
	case 0:
		_, s.err = s.dec.ReadToken()
	default:
		if kind == '{' {
			s.Want("an object")
		} else {
			s.Want("an array")
		}
	}
	return false
}

// More says whether the object or array goes on; at its end it leaves it.
func (s *Scanner) More() bool {
	if s.err != nil {
		return false
	}
	switch s.dec.PeekKind() {
	case '}', ']', 0:
		_, s.err = s.dec.ReadToken() // what could not be peeked at is an error here
		return false
	}
	return true
}

// Name reads a member's name. The bytes hold until the next read.
func (s *Scanner) Name() []byte {
	v, err := s.dec.ReadValue()
	if err != nil {
		s.err = err
		return nil
	}
	return s.unquote(v)
}

// Text reads a string, with null as "". The bytes hold until the next read.
func (s *Scanner) Text() []byte {
	if s.err != nil {
		return nil
	}
	switch s.dec.PeekKind() {
	case '"', 0:
		return s.Name()
	case 'n':
		s.Skip()
	default:
		s.Want("a string")
	}
	return nil
}

// unquote returns the content of a JSON string, in place where it has no escapes.
func (s *Scanner) unquote(v jsontext.Value) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	s.scratch, s.err = jsontext.AppendUnquote(s.scratch[:0], v)
	return s.scratch
}

// Skip reads past a value, checking it all the same.
func (s *Scanner) Skip() {
	if s.err == nil {
		_, s.err = s.dec.ReadValue()
	}
}

// SkipObject skips an object at once and says whether one came next.
func (s *Scanner) SkipObject() bool {
	if s.err != nil || s.dec.PeekKind() != '{' {
		return false
	}
	s.Skip()
	return true
}

// Object says whether an object comes next, where null will not do.
func (s *Scanner) Object() bool {
	if s.err == nil && s.dec.PeekKind() == 'n' {
		s.Want("an object")
	}
	return s.Enter('{')
}

// Want fails at the value that comes next, which is of another type than wanted.
func (s *Scanner) Want(want string) {
	s.Skip()
	s.Fail("want " + want)
}

// Only reads one member of an object and skips the others.
func (s *Scanner) Only(member string, read func()) {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		if string(s.Name()) == member {
			read()
		} else {
			s.Skip()
		}
	}
}

// Integer reads a whole number of 64 bits, with null as 0.
func (s *Scanner) Integer() int64 {
	if s.err != nil {
		return 0
	}
	switch s.dec.PeekKind() {
	case 'n':
		s.Skip()
		return 0
	case '0', 0:
	default:
		s.Want("a whole number")
		return 0
	}
	v, err := s.dec.ReadValue()
	if err != nil {
		s.err = err
		return 0
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		s.Fail("want a whole number of 64 bits")
		return 0
	}
	return n
}
