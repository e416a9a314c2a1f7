package jsontree

import (
	"fmt"
	"unicode/utf8"
)

// AppendJSON writes the value without white space. Characters above U+00FF are escaped, because
// IAM takes none of them as they are; '<', '>' and '&' are not, because IAM counts characters.
func (v *Value) AppendJSON(b []byte) []byte {
	switch v.Kind() {
	case '"':
		return appendString(b, v.text)
	case '0':
		return append(b, v.text...)
	case 't':
		return append(b, "true"...)
	case 'f':
		return append(b, "false"...)
	case '{':
		b = append(b, '{')
		for i, m := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.Name), ':')
			b = m.Value.AppendJSON(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

// JSON is AppendJSON as a text.
func (v *Value) JSON() string { return string(v.AppendJSON(nil)) }

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0
	for plain < len(s) && s[plain] >= ' ' && s[plain] < 0x7f && s[plain] != '"' && s[plain] != '\\' {
		plain++
	}
	b = append(b, s[:plain]...)
	for _, c := range s[plain:] {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ', 0x7f <= c && c <= 0x9f, 0xff < c && c <= 0xffff:
			b = fmt.Appendf(b, `\u%04x`, c)
		case c > 0xffff: // as a surrogate pair, RFC 8259 §7
			c -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}
