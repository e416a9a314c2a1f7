package token_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestWhatAServiceSaysIsQuotedWithoutTokens(t *testing.T) {
	t.Parallel()
	for _, space := range []string{"", " ", "\t", "\n", "\r\n"} {
		jwt := base64.RawURLEncoding.EncodeToString([]byte("{"+space+`"alg":"RS256","kid":"a"}`)) + ".c2VjcmV0.c2VjcmV0"
		around := []string{" ", "'", "\n", "=", "token:"}
		if space == "" { // as everybody writes it
			around = append(around, "", `\n`, "_", "x")
		}
		for _, before := range around {
			x, ok := token.Explain(&smithy.GenericAPIError{Code: "InvalidIdentityToken", Message: "refused" + before + jwt + " for a reason"})
			require.True(t, ok)
			assert.NotContains(t, x.Said, "c2VjcmV0", "%q after %q", jwt, before)
			assert.NotContains(t, x.Said, jwt[:20], "%q after %q", jwt, before)
			assert.True(t, strings.HasPrefix(x.Said, "refused") && strings.HasSuffix(x.Said, "for a reason"), x.Said)
		}
	}
	hostile, _ := token.Explain(&smithy.GenericAPIError{Code: "InvalidIdentityToken", Message: "a\x7fb\xffc\x1bd~e\u202ef\u009bg"})
	assert.Equal(t, "a b c d~e f g", hostile.Said, "nothing that a terminal would obey")
	for message, want := range map[string]string{
		strings.Repeat("a b ", 128):                 strings.Repeat("a b ", 128),
		strings.Repeat("a b ", 127) + "abcé and on": strings.Repeat("a b ", 127) + "abc…",
		strings.Repeat("a b ", 127) + "abcd and on": strings.Repeat("a b ", 127) + "abcd…",
	} {
		cut, _ := token.Explain(&smithy.GenericAPIError{Code: "InvalidIdentityToken", Message: message})
		assert.Equal(t, want, cut.Said, "512 bytes, and whole characters")
	}
	x, _ := token.Explain(&smithy.GenericAPIError{Code: "InvalidIdentityToken", Message: "frameworkers, keyJsonPath and role/homeworkers-service"})
	assert.Equal(t, "frameworkers, keyJsonPath and role/homeworkers-service", x.Said)
}
