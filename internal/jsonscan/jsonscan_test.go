package jsonscan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// record is what the reader below finds.
type record struct {
	text, raw string
	number    int64
	items     []string
	nested    string
}

func (r *record) read(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "text":
			r.text = string(s.Text())
		case "number":
			r.number = s.Integer()
		case "raw":
			r.raw = string(s.Raw())
		case "items":
			if !s.Enter('[') {
				continue
			}
			for s.More() {
				r.items = append(r.items, string(s.Text()))
			}
		case "nested":
			s.Only("it", func() { r.nested = string(s.Text()) })
		case "refused":
			s.Skip()
			s.Fail("refused")
		default:
			s.Skip()
		}
	}
}

func TestWhatMattersIsReadAndTheRestIsSkipped(t *testing.T) {
	t.Parallel()
	s := jsonscan.New()
	for range 2 { // a Scanner may be used again
		var r record
		err := s.Read([]byte(`{"x":{"text":"no"},"t\u0065xt":"a\"b","number":-5,"raw": [1, {}],"items":["a",null],"nested":{"y":[],"it":"z"}}`), 1000,
			func() { r.read(s) })
		require.NoError(t, err)
		assert.Equal(t, record{text: `a"b`, raw: "[1, {}]", number: -5, items: []string{"a", ""}, nested: "z"}, r)
		s.Forget()
	}
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, pointer, reason string }{
		"too long":           {strings.Repeat(" ", 101), "", "101 bytes"},
		"null at the top":    {`null`, "", "an object"},
		"no string":          {`{"text":1}`, "/text", "a string"},
		"no number":          {`{"number":"1"}`, "/number", "a whole number"},
		"a fraction":         {`{"number":1.5}`, "/number", "64 bits"},
		"no array":           {`{"items":{}}`, "/items", "an array"},
		"no object":          {`{"nested":[]}`, "/nested", "an object"},
		"a caller's reason":  {`{"refused":1,"text":"later"}`, "/refused", "refused"},
		"cut off":            {`{"items":["a"`, "/items", "ends in the middle"},
		"a name twice":       {`{"x":{"a":1,"a":2}}`, "/x/a", "twice"},
		"two documents":      {`{} {}`, "", "follows"},
		"nothing":            {``, "", "empty"},
		"invalid UTF-8":      {"{\"x\":\"\xff\"}", "/x", "invalid UTF-8"},
		"an unfinished name": {`{"te`, "", "ends in the middle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := jsonscan.New()
			var r record
			err := s.Read([]byte(c.doc), 100, func() { r.read(s) })
			var at *strictjson.Error
			require.True(t, errors.As(err, &at), "%v", err)
			assert.Equal(t, c.pointer, at.Pointer)
			assert.Contains(t, at.Reason, c.reason)
			assert.Empty(t, r.text, "nothing is read after an error")
		})
	}
}
