package yamltree_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/internal/yamltree"
)

func toJSON(t *testing.T, text string) string {
	t.Helper()
	documents, err := yamltree.Documents([]byte(text))
	require.NoError(t, err)
	require.Len(t, documents, 1)
	out, err := yamltree.JSON(documents[0])
	require.NoError(t, err)
	return string(out)
}

func TestJSONHasEveryValueWhereTheYAMLHasIt(t *testing.T) {
	t.Parallel()
	const text = "# a comment\nname:   é\nlist:\n  - 1\n  - {b: true, a: null}\n"
	assert.Equal(t, "{\n\"name\": \"é\",\n\"list\":[\n    1,\n    {\"b\":true,\"a\":null}]}", toJSON(t, text))
}

func TestJSONHasWhatYAMLMeans(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Version: 2012-10-17": `{"Version":"2012-10-17"}`,
		"a: [0x10, 1.5, ~, yes, Off, 'no', !!str on, nO, 1e3]": `{"a":[16,1.5,null,true,false,"no","on","nO",1000]}`,
		"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: *x":         `{"a":{"b":1,"c":2},"d":{"c":3,"b":1},"e":{"b":1,"c":2}}`,
		"a: !Ref X\nb: !GetAtt X.Arn":                          `{"a":{"Ref":"X"},"b":{"Fn::GetAtt":"X.Arn"}}`,
		"a: !If [c, !Sub '${X}', 8]\nb: !Select [1, *y]":       "",
		"a: !If [c, !Sub '${X}', 8]":                           `{"a":{"Fn::If":["c",{"Fn::Sub":"${X}"},8]}}`,
		"1: a":                                                 `{"1":"a"}`,
	} {
		if want == "" {
			_, err := yamltree.Documents([]byte(text))
			assert.Error(t, err, text)
			continue
		}
		assert.JSONEq(t, want, toJSON(t, text), text)
	}
	documents, err := yamltree.Documents([]byte("a: .inf"))
	require.NoError(t, err)
	_, err = yamltree.JSON(documents[0])
	assert.EqualError(t, err, "line 1: it cannot be written as JSON")
}

func TestWhatADocumentMustNotHaveIsAnError(t *testing.T) {
	t.Parallel()
	grows := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := byte('b'); c < 'g'; c++ {
		grows += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 10))
	}
	for text, want := range map[string]string{
		"a: 1\nb: 2\na: 3":             `yaml: line 3: mapping key "a" already defined at line 1`,
		"- {b: {c: 1, 'c': 2}}":        `yaml: line 1: mapping key "c" already defined at line 1`,
		"&a a: 1\n*a : 2":              `yaml: line 2: mapping key "a" already defined at line 1`,
		"a: &a {b: 1}\n<<: *a\n<<: *a": `yaml: line 3: mapping key "<<" already defined at line 2`,
		"a: &a [1]\n<<: [*a]":          `yaml: line 2: only mappings can be merged`,
		"<<: b":                        `yaml: line 1: only mappings can be merged`,
		"a: 1\n? [b]\n: 2":             `yaml: line 2: a mapping key must be a scalar`,
		"a: &a\n  b: [*a]":             `yaml: line 2: anchor "a" contains itself`,
		"&a b: {<<: *a}":               `yaml: line 1: only mappings can be merged`,
		"&a {<<: *a}":                  `yaml: line 1: anchor "a" contains itself`,
		grows:                          `yaml: document contains excessive aliasing`,
	} {
		documents, err := yamltree.Documents([]byte(text))
		assert.EqualError(t, err, want, text)
		assert.Nil(t, documents)
	}
	documents, err := yamltree.Documents([]byte("a: &a {b: 1}\nc: [*a, *a, {<<: *a, b: 2}, {'<<': x}]"))
	assert.NoError(t, err)
	assert.Len(t, documents, 1)
}

func TestMappingsAreReadInTheTimeOfTheirLength(t *testing.T) {
	assert.NoError(t, growth.Linear(5000, func(n int) func() {
		var text bytes.Buffer
		text.WriteString("a: &a\n")
		for i := range n {
			fmt.Fprintf(&text, "  x%d: x\n", i)
		}
		text.WriteString("b:\n  <<: *a\n")
		return func() {
			documents, err := yamltree.Documents(text.Bytes())
			require.NoError(t, err)
			assert.Len(t, yamltree.At(yamltree.Plain(documents[0].Content[0]), "b").Content, 2*n)
		}
	}))
}

var old = regexp.MustCompile(`(?i)\b(y|n|yes|no|on|off)\b`)

// JSON has the values that the decoder finds, but for those that are true and false in YAML 1.1 alone.
func FuzzJSONMeansTheSame(f *testing.F) {
	for _, text := range []string{"a: [1, {b: c}]\n---\nx", "- &a b\n- *a", "a:\n  <<: {b: 1}\n  c: |\n   x\n   y\n", "'2012-10-17'", "\"\\u00e9\"", "? a\n: b"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		documents, err := yamltree.Documents(text)
		if err != nil || len(documents) != 1 || yamltree.Root(documents[0]) == nil || bytes.ContainsAny(text, "!") || old.Match(text) {
			return
		}
		got, err := yamltree.JSON(documents[0])
		var value any
		require.NoError(t, documents[0].Decode(&value))
		want, wantErr := json.Marshal(value)
		if err != nil || wantErr != nil { // names that are not texts
			return
		}
		require.True(t, json.Valid(got), "%q: %s", text, got)
		assert.JSONEq(t, string(want), string(got), "%q", text)
	})
}
