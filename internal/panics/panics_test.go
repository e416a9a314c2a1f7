package panics_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/panics"
)

func TestAPanicIsAnErrorThatQuotesTheRuntimeAlone(t *testing.T) {
	t.Parallel()
	var nobody *struct{ name string }
	for name, c := range map[string]struct {
		panics func()
		says   string
	}{
		"of the runtime":      {func() { _ = nobody.name }, "nil pointer"},
		"with an error":       {func() { panic(errors.New("secret")) }, "*errors.errorString"},
		"with text":           {func() { panic("secret") }, "string"},
		"with a list":         {func() { panic([]string{"secret"}) }, "[]string"},
		"with the nil of any": {func() { panic(any(nil)) }, "panic called with nil"},
	} {
		err := panics.Call(func() error { c.panics(); return nil })
		require.ErrorContains(t, err, c.says, name)
		assert.ErrorContains(t, err, "TestAPanicIsAnError", "where it was")
		assert.NotContains(t, err.Error(), "secret", name)
	}
}

func TestWhatReturnsIsPassedOn(t *testing.T) {
	t.Parallel()
	assert.NoError(t, panics.Call(func() error { return nil }))
	failed := errors.New("failed")
	assert.Equal(t, failed, panics.Call(func() error { return failed }))
}
