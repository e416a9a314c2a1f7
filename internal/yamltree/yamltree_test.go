package yamltree_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		"Version: 2012-10-17":                            `{"Version":"2012-10-17"}`,
		"a: [0x10, 1.5, ~, yes, 'no', 1e3]":              `{"a":[16,1.5,null,"yes","no",1000]}`,
		"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: *x":   `{"a":{"b":1,"c":2},"d":{"c":3,"b":1},"e":{"b":1,"c":2}}`,
		"a: !Ref X\nb: !GetAtt X.Arn":                    `{"a":{"Ref":"X"},"b":{"Fn::GetAtt":"X.Arn"}}`,
		"a: !If [c, !Sub '${X}', 8]\nb: !Select [1, *y]": "",
		"a: !If [c, !Sub '${X}', 8]":                     `{"a":{"Fn::If":["c",{"Fn::Sub":"${X}"},8]}}`,
		"1: a":                                           `{"1":"a"}`,
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

// JSON has the values that the decoder finds.
func FuzzJSONMeansTheSame(f *testing.F) {
	for _, text := range []string{"a: [1, {b: c}]\n---\nx", "- &a b\n- *a", "a:\n  <<: {b: 1}\n  c: |\n   x\n   y\n", "'2012-10-17'", "\"\\u00e9\"", "? a\n: b"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		documents, err := yamltree.Documents(text)
		if err != nil || len(documents) != 1 || yamltree.Root(documents[0]) == nil || bytes.ContainsAny(text, "!") {
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
