package jsontree

import (
	"bytes"
	"maps"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// Parse reads a document of one value. Its errors are *strictjson.Error.
func Parse(doc []byte, limits strictjson.Limits) (*Value, error) {
	if err := strictjson.Check(doc, limits); err != nil {
		return nil, err
	}
	v, err := read(jsontext.NewDecoder(bytes.NewBuffer(doc)))
	if err != nil {
		return nil, strictjson.Locate(doc, err)
	}
	return v, nil
}

// read takes the next value of a document that strictjson.Check has passed, so depth, size and
// duplicate names need no second look.
func read(dec *jsontext.Decoder) (*Value, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	v := &Value{kind: byte(token.Kind())}
	switch v.kind {
	case '"', '0':
		v.text = token.String()
	case '{':
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			m := Member{Name: name.String()}
			if m.Value, err = read(dec); err != nil {
				return nil, err
			}
			v.members = append(v.members, m)
		}
		_, err = dec.ReadToken()
	case '[':
		for dec.PeekKind() != ']' {
			item, err := read(dec)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		_, err = dec.ReadToken()
	}
	return v, err
}

// Offsets says where in a well-formed document JSON pointers lead: to the opening quote of a
// member's name, or to the first byte of an array's item. The empty pointer is the whole
// document. A pointer that leads nowhere is not in the result.
func Offsets(doc []byte, pointers ...string) map[string]int {
	offsets := make(map[string]int, len(pointers))
	for _, pointer := range pointers {
		offsets[pointer] = -1
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(doc))
	for first := true; ; first = false {
		kind := dec.PeekKind()
		end := int(dec.InputOffset())
		if _, err := dec.ReadToken(); err != nil {
			break
		}
		if kind == '}' || kind == ']' {
			continue
		}
		at := string(dec.StackPointer())
		if offset, wanted := offsets[at]; wanted && offset < 0 && (first || at != "") {
			offsets[at] = end + skip(doc[end:])
		}
	}
	maps.DeleteFunc(offsets, func(_ string, offset int) bool { return offset < 0 })
	return offsets
}

// skip counts the white space and punctuation before the next value or name.
func skip(rest []byte) int { return len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:")) }
