package mutate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/objectsize"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// ErrTooLarge is in the errors about a pod that no API server can have sent: its JSON is larger
// than that of any object that etcd stores.
var ErrTooLarge = errors.New("too large")

// SyntaxError says where a raw pod is not what it must be. It holds none of the pod's
// values; Pointer holds names of its members.
type SyntaxError struct {
	Line, Column int    // from 1; the column in characters
	Pointer      string // RFC 6901, of the value at fault or, cut at 256 bytes, what it is in
	Reason       string
}

// Error gives line, column, pointer and reason.
func (e *SyntaxError) Error() string {
	at := ""
	if e.Pointer != "" {
		at = fmt.Sprintf(" at %q", e.Pointer)
	}
	return fmt.Sprintf("line %d, column %d%s: %s", e.Line, e.Column, at, e.Reason)
}

// scanner reads a pod's JSON into a view.
type scanner struct {
	*jsonscan.Scanner
	view view
	r    *rules
}

// scanner takes one from the pool. Give it back with release.
func (e *engine) scanner() *scanner {
	s := e.scanners.Get().(*scanner)
	s.r = &e.rules
	return s
}

// release gives s back without anything of the pod's.
func (e *engine) release(s *scanner) {
	clear(s.view.containers)
	containers := s.view.containers[:0]
	if cap(containers) > 64 {
		containers = nil
	}
	s.Forget()
	*s = scanner{Scanner: s.Scanner, view: view{containers: containers}}
	e.scanners.Put(s)
}

// scan reads all of doc into s.view.
func (s *scanner) scan(doc []byte) error {
	if err := readPod(s.Scanner, doc, s.pod); err != nil {
		return err
	}
	s.view.sortContainers()
	return nil
}

// accountAlone reads whose pod it is, and where that matters whether it asks for its role by rule,
// and passes over everything else, whatever it is.
func (s *scanner) accountAlone() {
	s.view = view{wantAccount: true}
	if !s.Object() {
		return
	}
	for s.More() {
		switch name := string(s.Name()); {
		case name == "spec":
			s.specAccount()
		case name == "metadata" && s.r.asksByRule:
			s.Only("labels", s.labels)
		default:
			s.Skip()
		}
	}
}

func (s *scanner) specAccount() {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "serviceAccountName":
			s.account(&s.view.account)
		case "serviceAccount":
			s.account(&s.view.accountAlias)
		default:
			s.Skip()
		}
	}
}

// readPod reads a raw pod through root.
func readPod(s *jsonscan.Scanner, doc []byte, root func()) error {
	if len(doc) > objectsize.JSON {
		return fmt.Errorf("%w: it has %d bytes as JSON, more than %d", ErrTooLarge, len(doc), objectsize.JSON)
	}
	err := s.Read(doc, objectsize.JSON, root)
	var at *strictjson.Error
	if errors.As(err, &at) {
		return &SyntaxError{Line: at.Line, Column: at.Column, Pointer: cutPointer(at.Pointer), Reason: at.Reason}
	}
	return err
}

// cutPointer shortens a pointer to whole tokens of 256 bytes at most.
func cutPointer(p string) string {
	const most = 256
	if len(p) <= most {
		return p
	}
	return p[:strings.LastIndexByte(p[:most+1], '/')]
}
