package jsonstream_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/internal/jsonstream"
	"github.com/irsa-go/irsa/internal/strictjson"
)

var limits = strictjson.Limits{Bytes: 1 << 20, Depth: 8}

// read skips all but the elements of lists of the name.
func read(r io.Reader, limits strictjson.Limits) (found []jsonstream.Value, err error) {
	s := jsonstream.New(r, limits)
	err = s.Object(func(name string) error {
		if name != "items" {
			return s.Skip()
		}
		return s.Array(func() error {
			v, err := s.Value()
			found = append(found, v)
			return err
		})
	})
	if err == nil {
		err = s.End()
	}
	return found, err
}

func TestElementsAreWhereTheyStand(t *testing.T) {
	t.Parallel()
	const doc = "{\"skipped\": [1, [2],\n{}], \"items\": [ {\"é\": 1}, \"two\",\n\n  3\t,[\n4]] }\n"
	for _, r := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc))} {
		found, err := read(r, limits)
		require.NoError(t, err)
		assert.Equal(t, []jsonstream.Value{
			{Raw: []byte(`{"é": 1}`), Pointer: "/items/0", Line: 2, Column: 17},
			{Raw: []byte(`"two"`), Pointer: "/items/1", Line: 2, Column: 27},
			{Raw: []byte(`3`), Pointer: "/items/2", Line: 4, Column: 3},
			{Raw: []byte("[\n4]"), Pointer: "/items/3", Line: 4, Column: 6},
		}, found)
	}
}

func TestWhatIsWrongIsLocatedInTheWhole(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"":                                  "line 1, column 1: the document is empty",
		"{\"items\": [1,\n 2,\n 3 4]}":      `line 3, column 4 at "/items": invalid JSON`,
		"{\"items\": [1,\n {\"a\":1,\"a\":": `line 2, column 9 at "/items/1/a": this name stands in the object twice`,
		"{\"x\": [1,\n2],\n \"items\": [":   `line 3, column 12 at "/items": the document ends in the middle`,
		"{\"items\": []}\n\n x":             "line 3, column 2: something follows the document",
		"{\"items\": []}\n {\"items\": []}": "line 2, column 2: something follows the document",
		"{\"items\": [1,\n[[[[[[[[[[[[":     `line 2, column 8 at "/items/1/0/0/0/0/0/0": nested deeper than 8`,
	} {
		_, err := read(strings.NewReader(doc), limits)
		var located *strictjson.Error
		require.ErrorAs(t, err, &located, doc)
		assert.Equal(t, want, err.Error(), doc)
	}
}

func TestEachElementIsBoundedAndTheDocumentIsNot(t *testing.T) {
	t.Parallel()
	small := strictjson.Limits{Bytes: 100_000, Depth: 8}
	element := `"` + strings.Repeat("x", 1000) + `"`
	many := strings.TrimSuffix(strings.Repeat(element+",", 1000), ",")
	found, err := read(strings.NewReader(`{"skipped":[`+many+`],"items":[`+many+`]}`), small)
	require.NoError(t, err)
	assert.Len(t, found, 1000)
	_, err = read(strings.NewReader(`{"items":["`+strings.Repeat("x", 200_000)+`"]}`), small)
	assert.EqualError(t, err, `line 1, column 11 at "/items": what must be read whole has more than 100000 bytes`)

	var names strings.Builder
	for i := range 150 {
		fmt.Fprintf(&names, `"%d%s":[],`, i, strings.Repeat("x", 1000))
	}
	_, err = read(strings.NewReader(`{`+names.String()+`"items":[]}`), small)
	assert.ErrorContains(t, err, "the names of an object have more than 100000 bytes")

	broken := errors.New("the line went dead")
	_, err = read(io.MultiReader(strings.NewReader(`{"items":[1,`), iotest.ErrReader(broken)), small)
	assert.ErrorIs(t, err, broken)
}

// It measures time, so that nothing else may run meanwhile.
func TestManyMembersTakeTimeInProportion(t *testing.T) {
	for _, begin := range []string{"", `"list":[` + strings.Repeat(" ", 100) + `],`} {
		assert.NoError(t, growth.Linear(5000, func(n int) func() {
			var doc strings.Builder
			doc.WriteString("{" + begin)
			for i := range n {
				fmt.Fprintf(&doc, "\"%d\":1,", i)
			}
			doc.WriteString(`"last":1}`)
			return func() {
				_, err := read(strings.NewReader(doc.String()), limits)
				require.NoError(t, err)
			}
		}))
	}
}
