package oidc

import (
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
		return nil, errors.New("it is no JSON object")
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
