package jsontree_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/jsontree"
	"github.com/irsa-go/irsa/internal/strictjson"
)

func limits() strictjson.Limits { return strictjson.Limits{Bytes: 1 << 20, Depth: 32} }

func parse(t *testing.T, doc string) *jsontree.Value {
	t.Helper()
	v, err := jsontree.Parse([]byte(doc), limits())
	require.NoError(t, err)
	return v
}

func TestATreeKeepsOrderShapeAndNumbers(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{"b":1,"a":[1.50,1e3,-0],"c":{"z":null,"y":[true,false,[]]}}`, `"<&>"`, `[]`, `{}`, `"\u20ac\ud83d\ude00\u0001"`, `"ü"`,
	} {
		assert.Equal(t, doc, parse(t, doc).JSON())
	}
}

func TestAnEditCopiesAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	v := parse(t, `{"a":"x","b":["y"],"c":3}`)
	assert.Equal(t, `{"a":"z","b":["y"],"c":3}`, v.With("a", jsontree.String("z")).JSON())
	assert.Equal(t, `{"a":"x","b":["y"],"c":3,"d":[]}`, v.With("d", jsontree.List(nil)).JSON())
	assert.Equal(t, `{"b":["y"],"c":3}`, v.Without("a").JSON())
	assert.Equal(t, `["z"]`, v.Get("b").WithStrings([]string{"z"}).JSON())
	assert.Equal(t, `"z"`, v.Get("a").WithStrings([]string{"z"}).JSON())
	assert.Equal(t, `["y","z"]`, v.Get("a").WithStrings([]string{"y", "z"}).JSON())
	assert.Equal(t, `{"a":"x","b":["y"],"c":3}`, v.JSON())
}

func TestWhatIsNotThereHasNothing(t *testing.T) {
	t.Parallel()
	v := parse(t, `{"a":{"b":"c"}}`).Get("x").Get("y")
	assert.Zero(t, v.Kind())
	assert.Empty(t, v.Text())
	assert.Empty(t, v.Members())
	assert.Empty(t, v.Items())
	_, ok := v.Strings()
	assert.False(t, ok)
	_, ok = v.Scalars()
	assert.False(t, ok)
	assert.Equal(t, "null", v.JSON())
}

func TestOneValueAndAListReadAlike(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string][2][]string{
		`"a"`: {{"a"}, {"a"}}, `["a","b"]`: {{"a", "b"}, {"a", "b"}}, `[1,true,"x",false]`: {nil, {"1", "true", "x", "false"}},
		`5.0`: {nil, {"5.0"}}, `null`: {nil, nil}, `[null]`: {nil, nil}, `{}`: {nil, nil}, `[["a"]]`: {nil, nil},
	} {
		texts, ok := parse(t, doc).Strings()
		assert.Equal(t, want[0] != nil, ok, doc)
		assert.Equal(t, want[0], texts, doc)
		texts, ok = parse(t, doc).Scalars()
		assert.Equal(t, want[1] != nil, ok, doc)
		assert.Equal(t, want[1], texts, doc)
	}
}

func TestOffsetsFindsEveryPlace(t *testing.T) {
	t.Parallel()
	const doc = "\n {\"a\" : [1, {\"b/c\":\t{\"~\": null}},\n\"x\"], \"a b\":{}, \"ab\": \"end\"}"
	for pointer, begins := range map[string]string{
		"": `{"a" :`, "/a": `"a" :`, "/a/0": "1, {", "/a/1": `{"b/c"`, "/a/1/b~1c": `"b/c":`, "/a/1/b~1c/~0": `"~": null`,
		"/a/2": `"x"]`, "/a b": `"a b"`, "/ab": `"ab": "end"`,
	} {
		at, ok := jsontree.Offsets([]byte(doc), pointer)[pointer]
		require.True(t, ok, pointer)
		assert.Equal(t, begins, doc[at:min(len(doc), at+len(begins))], pointer)
	}
	for _, pointer := range []string{"/b", "/a/3", "/a/0/x", "/a/1/b", "x", "/"} {
		_, ok := jsontree.Offsets([]byte(doc), pointer)[pointer]
		assert.False(t, ok, pointer)
	}
}

// decoded is what encoding/json makes of the text, with numbers as they are written: some are too
// large for a float64.
func decoded(t *testing.T, text string) (value any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&value))
	return value
}

func FuzzParseAndWriteAreInverse(f *testing.F) {
	f.Add([]byte(`{"a":[1,"ü\u20ac",{"b":null}],"":""}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := jsontree.Parse(doc, limits())
		if err != nil {
			assert.Nil(t, v)
			return
		}
		text := v.JSON()
		require.Equal(t, decoded(t, string(doc)), decoded(t, text))
		require.True(t, json.Valid([]byte(text)))
		assert.Equal(t, text, parse(t, text).JSON())
	})
}
