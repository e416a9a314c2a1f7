package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// object is a JSON object whose members are taken by their exact names: encoding/json alone
// would take "Kid" for "kid" and the last of two.
type object map[string]json.RawMessage

// What a document may have. The sizes bound the read of a body as well.
var (
	documentLimits = strictjson.Limits{Bytes: 64 << 10, Depth: 32}
	keySetLimits   = strictjson.Limits{Bytes: 1 << 20, Depth: 32}
)

// notJSON names what servers commonly send instead.
func notJSON(doc []byte, err error) error {
	head := bytes.ToLower(bytes.TrimSpace(doc[:min(len(doc), 512)]))
	switch {
	case bytes.HasPrefix(doc, []byte{0x1f, 0x8b}):
		return errors.New("it is compressed with gzip, which nobody asked for: store it without")
	case bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")):
		return errors.New("it begins with a byte order mark: store it without")
	case bytes.HasPrefix(doc, []byte{0xff, 0xfe}), bytes.HasPrefix(doc, []byte{0xfe, 0xff}):
		return errors.New("it is UTF-16: store it as UTF-8 without a byte order mark")
	case bytes.HasPrefix(head, []byte("<!doctype")), bytes.HasPrefix(head, []byte("<html")):
		return errors.New("it is an HTML page")
	case bytes.HasPrefix(head, []byte("<")):
		return errors.New("it is XML or HTML, not JSON")
	}
	return err
}

func parseObject(doc []byte, lim strictjson.Limits) (object, error) {
	if err := strictjson.Check(doc, lim); err != nil {
		return nil, err
	}
	return asObject(doc)
}

// asObject takes what parseObject has checked before.
func asObject(doc []byte) (object, error) {
	var o object
	if err := json.Unmarshal(doc, &o); err != nil || o == nil {
		return nil, errors.New("it is not a JSON object")
	}
	return o, nil
}

// member is where a member goes: a *string or a *[]string.
type member struct {
	name string
	into any
}

// readAll leaves alone what is absent or null.
func (o object) readAll(members []member) error {
	for _, m := range members {
		raw, ok := o[m.name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, m.into); err != nil {
			kind := "a string"
			if _, list := m.into.(*[]string); list {
				kind = "a list of strings"
			}
			return fmt.Errorf("%q is not %s", m.name, kind)
		}
	}
	return nil
}

// text reads a string; "" when there is none.
func (o object) text(name string) (string, error) {
	var s string
	err := o.readAll([]member{{name, &s}})
	return s, err
}
