// Package strictjson is the library's one strict reading of JSON: a single value, no
// duplicate names, valid UTF-8, bounded in size and depth (RFC 8259, RFC 7493), with errors
// that say where.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bounds a document. Both fields are required.
type Limits struct {
	Bytes int // of the whole document
	Depth int // of nested objects and arrays
}

// Error says where a document is not what it must be. It never holds the document's content
// beyond the names of its members.
type Error struct {
	Offset  int    // in bytes, from 0
	Line    int    // from 1
	Column  int    // in characters, from 1
	Pointer string // RFC 6901, of the value at fault
	Reason  string
}

func (e *Error) Error() string {
	at := ""
	if e.Pointer != "" {
		at = fmt.Sprintf(" at %q", e.Pointer)
	}
	return fmt.Sprintf("line %d, column %d%s: %s", e.Line, e.Column, at, e.Reason)
}

// At places a finding of the caller's own: offset is in doc, pointer names the value.
func At(doc []byte, offset int, pointer, reason string) *Error {
	offset = max(0, min(offset, len(doc)))
	before := doc[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return &Error{Offset: offset, Line: line, Column: column, Pointer: pointer, Reason: reason}
}

// Locate turns an error of a jsontext decoder that reads doc into an *Error.
func Locate(doc []byte, err error) *Error {
	var located *Error
	if errors.As(err, &located) {
		return located
	}
	if errors.Is(err, io.EOF) { // only a document without any value ends so
		return At(doc, len(doc), "", "the document is empty")
	}
	var syn *jsontext.SyntacticError
	if !errors.As(err, &syn) {
		return At(doc, 0, "", "unreadable")
	}
	reason := "invalid JSON"
	switch {
	case errors.Is(syn.Err, jsontext.ErrDuplicateName):
		reason = "this name stands in the object twice"
	case errors.Is(syn.Err, io.ErrUnexpectedEOF):
		reason = "the document ends in the middle"
	case errors.Is(syn.Err, jsontext.ErrNonStringName):
		reason = "an object's names must be strings"
	case int(syn.ByteOffset) < len(doc) && !utf8.FullRune(doc[syn.ByteOffset:]),
		syn.Err != nil && syn.Err.Error() == "invalid UTF-8":
		reason = "invalid UTF-8"
	}
	return At(doc, int(syn.ByteOffset), string(syn.JSONPointer), reason)
}

// Check reads all of doc and reports the first thing wrong with it as an *Error.
func Check(doc []byte, lim Limits) error {
	if len(doc) > lim.Bytes {
		return At(doc, lim.Bytes, "", fmt.Sprintf("the document has %d bytes, more than %d", len(doc), lim.Bytes))
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(doc))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return Locate(doc, err)
		}
		switch depth := dec.StackDepth(); {
		case depth > lim.Depth:
			return At(doc, int(dec.InputOffset()), string(dec.StackPointer()), fmt.Sprintf("nested deeper than %d", lim.Depth))
		case depth == 0:
			return CheckEnd(dec, doc)
		}
	}
}

// CheckEnd reports anything but white space after the value that dec has read from doc.
func CheckEnd(dec *jsontext.Decoder, doc []byte) error {
	end := int(dec.InputOffset())
	if rest := bytes.TrimLeft(doc[end:], " \t\r\n"); len(rest) > 0 {
		return At(doc, len(doc)-len(rest), "", "something follows the document")
	}
	return nil
}
