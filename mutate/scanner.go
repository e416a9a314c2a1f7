package mutate

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// maxPodBytes bounds a raw pod: the API server's own limit of a request body
// (DefaultMaxRequestSizeBytes of k8s.io/apiserver), twice what etcd stores.
const maxPodBytes = 3 << 20

// SyntaxError says where a raw pod is not what it must be. It holds none of the pod's
// values; Pointer holds names of its members.
type SyntaxError struct {
	Line, Column int    // from 1; the column in characters
	Pointer      string // RFC 6901, of the value at fault
	Reason       string
}

// Error gives line, column and reason, and the pointer if it is short.
func (e *SyntaxError) Error() string {
	at := ""
	if e.Pointer != "" && len(e.Pointer) <= 200 {
		at = fmt.Sprintf(" at %q", e.Pointer)
	}
	return fmt.Sprintf("line %d, column %d%s: %s", e.Line, e.Column, at, e.Reason)
}

// scanner reads a pod's JSON into a view. Its errors stick: after the first, it reads
// nothing more.
type scanner struct {
	view view
	err  error

	m       *Mutator
	doc     []byte
	in      bytes.Buffer
	dec     *jsontext.Decoder
	scratch []byte // for strings with escapes
}

func newScanner() *scanner { return &scanner{dec: new(jsontext.Decoder)} }

// scanner takes one from the pool. Give it back with release.
func (m *Mutator) scanner() *scanner {
	s := m.scanners.Get().(*scanner)
	s.m = m
	return s
}

// release gives s back without anything of the pod's.
func (m *Mutator) release(s *scanner) {
	clear(s.view.containers)
	containers := s.view.containers[:0]
	if cap(containers) > 64 {
		containers = nil
	}
	*s = scanner{dec: s.dec, view: view{containers: containers}}
	s.dec.Reset(&s.in)
	m.scanners.Put(s)
}

// scan reads all of doc into s.view.
func (s *scanner) scan(doc []byte) error {
	err := s.read(doc, s.pod)
	if err == nil {
		s.view.sortContainers()
	}
	return err
}

// read reads all of doc with root.
func (s *scanner) read(doc []byte, root func()) error {
	if len(doc) > maxPodBytes {
		return &SyntaxError{Line: 1, Column: 1, Reason: fmt.Sprintf("it has %d bytes, more than %d", len(doc), maxPodBytes)}
	}
	s.doc = doc
	s.in = *bytes.NewBuffer(doc) // read in place
	s.dec.Reset(&s.in)
	root()
	if s.err == nil {
		s.err = strictjson.CheckEnd(s.dec, doc)
	}
	if s.err != nil {
		at := strictjson.Locate(doc, s.err)
		return &SyntaxError{Line: at.Line, Column: at.Column, Pointer: at.Pointer, Reason: at.Reason}
	}
	return nil
}

// enter goes into an object ('{') or array ('['). It is false when there is nothing to read:
// null is as good as absent, and anything else is an error.
func (s *scanner) enter(kind jsontext.Kind) bool {
	if s.err != nil {
		return false
	}
	switch s.dec.PeekKind() {
	case kind:
		_, s.err = s.dec.ReadToken()
		return s.err == nil
	case 'n':
		s.skip()
	case 0:
		_, s.err = s.dec.ReadToken()
	default:
		if kind == '{' {
			s.wrongType("an object")
		} else {
			s.wrongType("an array")
		}
	}
	return false
}

// more says whether the object or array goes on; at its end it leaves it.
func (s *scanner) more() bool {
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

// name reads a member's name. The bytes hold until the next read.
func (s *scanner) name() []byte {
	v, err := s.dec.ReadValue()
	if err != nil {
		s.err = err
		return nil
	}
	return s.unquote(v)
}

// text reads a string, with null as "". The bytes hold until the next read.
func (s *scanner) text() []byte {
	if s.err != nil {
		return nil
	}
	switch s.dec.PeekKind() {
	case '"', 0:
		return s.name()
	case 'n':
		s.skip()
	default:
		s.wrongType("a string")
	}
	return nil
}

// unquote returns the content of a JSON string, in place where it has no escapes.
func (s *scanner) unquote(v jsontext.Value) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	s.scratch, s.err = jsontext.AppendUnquote(s.scratch[:0], v)
	return s.scratch
}

// skip reads past a value, checking it all the same.
func (s *scanner) skip() {
	if s.err == nil {
		_, s.err = s.dec.ReadValue()
	}
}

// object says whether an object comes next, where null will not do.
func (s *scanner) object() bool {
	if s.err == nil && s.dec.PeekKind() == 'n' {
		s.wrongType("an object")
	}
	return s.enter('{')
}

// wrongType fails at the value that comes next.
func (s *scanner) wrongType(want string) {
	s.skip()
	if s.err == nil {
		s.err = strictjson.At(s.doc, int(s.dec.InputOffset()), string(s.dec.StackPointer()), "want "+want)
	}
}
