package fetch_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/fetch"
)

func TestOnlyPlainHTTPSIsAsked(t *testing.T) {
	t.Parallel()
	dialled := errors.New("it was dialled")
	f := fetch.New(fetch.Config{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, dialled }})
	defer f.Close()
	for _, raw := range []string{"", "http://a.example", "ftp://a.example", "https://", "https:///a", "https://me:pw@a.example", "//a.example", "https://a.example:x", "\n"} {
		_, err := f.Get(t.Context(), raw, fetch.Request{})
		assert.ErrorContains(t, err, "is not an https URL", raw)
		assert.ErrorContains(t, f.Meet(t.Context(), raw, fetch.Any), "is not an https URL", raw)
	}
	_, err := f.Get(t.Context(), "https://a.example", fetch.Request{})
	assert.ErrorIs(t, err, dialled)
}
