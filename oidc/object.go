package oidc

import (
	"encoding/json"
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
		return nil, fmt.Errorf("it is no JSON object")
	}
	return o, nil
}

// text reads a string; "" when there is none.
func (o object) text(name string) (string, error) {
	var s string
	return s, o.read(name, "a string", &s)
}

// texts reads a list of strings; nil when there is none.
func (o object) texts(name string) ([]string, error) {
	var s []string
	return s, o.read(name, "a list of strings", &s)
}

// read leaves into alone when the member is absent or null.
func (o object) read(name, kind string, into any) error {
	raw, ok := o[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%q is not %s", name, kind)
	}
	return nil
}
