package mutate

// mostLevels is how deep the JSON that can be read is nested (jsontext, as encoding/json). An API
// server reads and sends pods of as many levels, in a review that puts two around them. Only
// metadata.managedFields can hold any of that.
const mostLevels = 10_000

// shallow is doc, with null for whatever is nested deeper than can be read. Nothing that this
// package looks at lies there, nor does a patch of its.
func shallow(doc []byte) []byte {
	var kept []byte
	from, depth, quoted := 0, 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth == mostLevels+1 {
				kept = append(append(kept, doc[from:i]...), "null"...)
			}
		case c == '}' || c == ']':
			if depth--; depth == mostLevels {
				from = i + 1
			}
		}
	}
	if kept == nil {
		return doc
	}
	if depth > mostLevels { // it ends too early, and so does what is read
		return kept
	}
	return append(kept, doc[from:]...)
}
