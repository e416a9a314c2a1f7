package printable_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/printable"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "",
		`plain "text" 'é' \ 漢`: `plain "text" 'é' \ 漢`,
		"\x1b[31mred":          `\x1b[31mred`,
		"a\nb\x00\t":           `a\nb\x00\t`,
		"\u202egro":            `\u202egro`,
		"bad\xffbyte":          "bad\uFFFDbyte",
	} {
		assert.Equal(t, want, printable.Text(in))
		assert.Equal(t, in == want, printable.Is(in), "%q", in)
	}
}
