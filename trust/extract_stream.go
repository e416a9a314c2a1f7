package trust

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/irsa-go/irsa/internal/jsonstream"
)

// ExtractFrom is [Extract] for a document that is read as a stream. The output of "aws iam
// list-roles" and "get-account-authorization-details" may have any size, and so may a list of
// documents: they are read an element at a time, and each element is bounded as Extract bounds a
// document. Documents of other kinds are read whole.
//
// An error ends the sequence; [ErrUnknownDocument] of one in a list comes after the others. What came
// before it is not all that the document has, and none of it should be used where a dump that was cut
// off would be taken for a whole.
func ExtractFrom(r io.Reader) iter.Seq2[Extracted, error] {
	return func(yield func(Extracted, error) bool) {
		s := extractStream{Reader: jsonstream.New(r, extractLimits()), yield: yield, names: map[string]bool{}}
		if err := s.read(); err != nil && !errors.Is(err, errStopped) {
			yield(Extracted{}, err)
		}
	}
}

// errStopped is that the caller wants no more.
var errStopped = errors.New("stopped")

type extractStream struct {
	*jsonstream.Reader
	yield           func(Extracted, error) bool
	names           map[string]bool    // of the document's members so far
	dump            bool               // it is the output of an IAM command, of which parts are forgotten
	role            []jsonstream.Value // that of a member "Role" before it is known for a dump
	next, truncated place
}

func (s *extractStream) read() error {
	var err error
	switch s.Kind() {
	case '[':
		s.dump = true
		err = s.list()
	case '{':
		err = s.Object(s.member)
	}
	if !s.dump && !errors.Is(err, errStopped) {
		return s.whole()
	}
	if err == nil {
		err = s.End()
	}
	if err == nil && len(s.names) > 0 {
		if _, err = kindOf(s.names); err == nil {
			err = checkPage(s.next, s.truncated)
		}
	}
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	return fmt.Errorf("trust: extract: %w", syntaxError(err, messageInvalidJSON))
}

// list reads documents up to the last: after one that is not known another may be.
func (s *extractStream) list() error {
	var unknown error
	err := s.Array(func() error {
		err := s.element(func(x *extractor, item place) error { return x.document(item, false) })
		if errors.Is(err, ErrUnknownDocument) {
			unknown, err = cmp.Or(unknown, err), nil
		}
		return err
	})
	return cmp.Or(err, unknown)
}

// whole reads a document of another kind.
func (s *extractStream) whole() error {
	document, err := s.Whole()
	if err != nil {
		return fmt.Errorf("trust: extract: %w", syntaxError(err, messageInvalidJSON))
	}
	found, err := Extract(document)
	if err != nil {
		return err
	}
	return s.give(found)
}

func (s *extractStream) give(found []Extracted) error {
	for _, e := range found {
		if !s.yield(e, nil) {
			return errStopped
		}
	}
	return nil
}

// member reads one of the document's. The first list of users, groups or roles tells a dump.
func (s *extractStream) member(name string) error {
	s.names[name] = true
	switch isList := s.Kind() == '['; {
	case name == "Role" && s.dump:
		return s.element(iamRole)
	case isList && isRoleList(name):
		if err := s.begin(); err != nil {
			return err
		}
		return s.Array(func() error { return s.element(iamRole) })
	case isList && (s.dump || name == "UserDetailList" || name == "GroupDetailList"):
		if err := s.begin(); err != nil {
			return err
		}
		return s.Skip()
	}
	v, err := s.Value()
	switch name {
	case "Role":
		s.role = append(s.role, v)
	case "NextToken":
		s.next = wholeDocument(v.Raw)
	case "IsTruncated":
		s.truncated = wholeDocument(v.Raw)
	}
	return err
}

// begin is where a document turns out to be a dump.
func (s *extractStream) begin() error {
	s.dump = true
	for _, v := range s.role {
		if err := s.extract(v, iamRole); err != nil {
			return err
		}
	}
	s.role = nil
	return nil
}

func iamRole(x *extractor, role place) error {
	x.iamRole(role)
	return nil
}

// element takes the policies out of the value that comes next.
func (s *extractStream) element(read func(*extractor, place) error) error {
	v, err := s.Value()
	if err != nil {
		return err
	}
	return s.extract(v, read)
}

func (s *extractStream) extract(v jsonstream.Value, read func(*extractor, place) error) error {
	x := &extractor{base: origin{line: v.Line, column: v.Column}}
	item := wholeDocument(v.Raw)
	item.pointer = v.Pointer
	if err := read(x, item); err != nil {
		return err
	}
	return s.give(x.found)
}
