package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/strictjson"
)

var limits = strictjson.Limits{Bytes: 1000, Depth: 5}

func TestCheckSaysWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, doc, want string
	}{
		{"empty", "", "line 1, column 1: the document is empty"},
		{"white space only", " \n ", "line 2, column 2: the document is empty"},
		{"cut short", `{"a":[1`, `line 1, column 8 at "/a": the document ends in the middle`},
		{"duplicate name", "{\"a\":{\n \"é\":1,\"é\":2}}", `line 2, column 8 at "/a/é": this name stands in the object twice`},
		{"duplicate by escape", `{"a":1,"\u0061":2}`, `line 1, column 8 at "/a": this name stands in the object twice`},
		{"trailing value", "{} {}", "line 1, column 4: something follows the document"},
		{"trailing rubbish", "{}x", "line 1, column 3: something follows the document"},
		{"too deep", `[[[[[[1]]]]]]`, `line 1, column 7 at "/0/0/0/0/0": nested deeper than 5`},
		{"comment", "{/**/}", "line 1, column 2: invalid JSON"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", `line 1, column 7 at "/a": invalid UTF-8`},
		{"too long", strings.Repeat(" ", 1001), "line 1, column 1001: the document has 1001 bytes, more than 1000"},
	} {
		err := strictjson.Check([]byte(c.doc), limits)
		assert.EqualError(t, err, c.want, c.name)
	}
}

func FuzzCheckAcceptsNoMoreThanEncodingJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2,{"b":null}]}`))
	f.Add([]byte("{\"a\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if strictjson.Check(doc, limits) == nil {
			assert.True(t, json.Valid(doc), "%q", doc)
		}
	})
}
