// Package jsonstream reads JSON documents that are larger than memory, an element at a time and as
// strictly as package strictjson reads others, and says where each element is.
package jsonstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// Reader reads one document. Its memory is that of the largest Value.
type Reader struct {
	dec   *jsontext.Decoder
	in    *window
	depth int
}

// Value is a part of the document, and where it begins.
type Value struct {
	Raw          []byte
	Pointer      string // RFC 6901
	Line, Column int    // both from 1, columns in characters
}

// New reads from r. limits.Bytes bounds each part that is read whole, and limits.Depth the document.
func New(r io.Reader, limits strictjson.Limits) *Reader {
	first := spot{line: 1, column: 1}
	in := &window{r: r, limit: limits.Bytes, start: first, counted: first}
	return &Reader{dec: jsontext.NewDecoder(in), in: in, depth: limits.Depth}
}

// Kind is that of the value that comes next, 0 for none.
func (r *Reader) Kind() jsontext.Kind { return r.dec.PeekKind() }

// Object reads an object. For each name it calls member, which must read the value. The decoder keeps
// the names, so they are bounded as a Value is.
func (r *Reader) Object(member func(name string) error) error {
	if _, err := r.token(); err != nil {
		return err
	}
	for names := 0; r.dec.PeekKind() != '}'; {
		name, err := r.token()
		if err != nil {
			return err
		}
		if names += len(name); names > r.in.limit {
			return r.at(r.dec.InputOffset(), string(r.dec.StackPointer()), fmt.Sprintf("the names of an object have more than %d bytes", r.in.limit))
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

// Array reads an array. For each value it calls element, which must read it. What came before is
// forgotten.
func (r *Reader) Array(element func() error) error {
	if _, err := r.token(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		r.in.forget(r.dec.InputOffset())
		if err := element(); err != nil {
			return err
		}
	}
	_, err := r.token()
	r.in.forget(r.dec.InputOffset())
	return err
}

// Skip reads over a value. An array may have any size, each of its elements that of a Value.
func (r *Reader) Skip() error {
	if r.Kind() == '[' {
		return r.Array(r.Skip)
	}
	_, err := r.Value()
	return err
}

// Value reads a value whole.
func (r *Reader) Value() (v Value, err error) {
	r.dec.PeekKind() // it reads as far as the value begins
	start := r.in.begin(r.dec.InputOffset())
	v.Line, v.Column = r.in.position(start)
	for depth := r.dec.StackDepth(); ; {
		if _, err := r.token(); err != nil {
			return Value{}, err
		}
		if r.dec.StackDepth() <= depth {
			break
		}
	}
	v.Raw, v.Pointer = r.in.bytes(start, r.dec.InputOffset()), string(r.dec.StackPointer())
	return v, nil
}

// End says whether the document ends here.
func (r *Reader) End() error {
	r.dec.PeekKind() // it reads as far as what follows
	at := r.in.begin(r.dec.InputOffset())
	if _, err := r.dec.ReadToken(); err == nil || !errors.Is(err, io.EOF) {
		if r.in.err != nil {
			return r.in.err
		}
		return r.at(at, "", "something follows the document")
	}
	return nil
}

// Whole is the document where no array has been read but in a Value, with what is left of it.
func (r *Reader) Whole() ([]byte, error) {
	_, err := io.Copy(io.Discard, r.in)
	if errors.Is(err, errTooLarge) {
		err = r.at(r.in.start.offset, "", fmt.Sprintf("the document has more than %d bytes", r.in.limit))
	}
	return r.in.kept, err
}

// token reads one token; its text is that of a name.
func (r *Reader) token() (string, error) {
	token, err := r.dec.ReadToken()
	switch {
	case errors.Is(r.in.err, errTooLarge):
		return "", r.at(r.dec.InputOffset(), string(r.dec.StackPointer()), fmt.Sprintf("what must be read whole has more than %d bytes", r.in.limit))
	case r.in.err != nil:
		return "", r.in.err
	case err != nil:
		return "", r.located(err)
	case r.dec.StackDepth() > r.depth:
		return "", r.at(r.dec.InputOffset(), string(r.dec.StackPointer()), fmt.Sprintf("nested deeper than %d", r.depth))
	case token.Kind() == '"':
		return token.String(), nil
	}
	return "", nil
}

// located says where a decoder's error is in the whole document.
func (r *Reader) located(err error) error {
	if syntactic := (*jsontext.SyntacticError)(nil); errors.As(err, &syntactic) {
		moved := *syntactic
		moved.ByteOffset -= r.in.start.offset
		err = &moved
	}
	e := strictjson.Locate(r.in.kept, err)
	return r.at(r.in.start.offset+int64(e.Offset), e.Pointer, e.Reason)
}

func (r *Reader) at(offset int64, pointer, reason string) error {
	e := &strictjson.Error{Offset: int(offset), Pointer: pointer, Reason: reason}
	e.Line, e.Column = r.in.position(offset)
	return e
}

// window is a reader that keeps what it has read since the last element.
type window struct {
	r       io.Reader
	limit   int
	err     error // of reading, other than its end
	kept    []byte
	start   spot // of what is kept
	counted spot // the last one that was asked for
}

// spot is a place in the document.
type spot struct {
	offset       int64
	line, column int
}

var errTooLarge = errors.New("it has too many bytes")

// Read fails once more is kept than may be.
func (w *window) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	w.kept = append(w.kept, p[:n]...)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	} else if len(w.kept) > w.limit {
		w.err, err = errTooLarge, errTooLarge
	}
	return n, err
}

func (w *window) forget(until int64) {
	w.position(until)
	w.kept = w.kept[until-w.start.offset:]
	w.start = w.counted
}

func (w *window) bytes(from, until int64) []byte {
	return w.kept[from-w.start.offset : until-w.start.offset : until-w.start.offset]
}

// begin is where the next value begins, when the last one ended at offset.
func (w *window) begin(offset int64) int64 {
	rest := w.kept[offset-w.start.offset:]
	return offset + int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n,:")))
}

// position is asked for from place to place, so that it counts on from the last one.
func (w *window) position(offset int64) (line, column int) {
	from := w.counted
	if offset < from.offset {
		from = w.start
	}
	at := strictjson.At(w.kept[from.offset-w.start.offset:], int(offset-from.offset), "", "")
	if at.Line == 1 {
		at.Column += from.column - 1
	}
	w.counted = spot{from.offset + int64(at.Offset), from.line + at.Line - 1, at.Column}
	return w.counted.line, w.counted.column
}
