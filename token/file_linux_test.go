package token_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// Nobody writes into the pipe, so that opening it would not return.
func TestAPipeIsRefusedAndNotWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	failed := make(chan error, 1)
	go func() {
		_, err := token.File(path).Token(t.Context())
		failed <- err
	}()
	select {
	case err := <-failed:
		require.ErrorContains(t, err, "it is not a regular file")
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
}

func TestAFileThatIsNotReadableSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "unreadable")
	require.NoError(t, os.WriteFile(path, []byte("a.b.c"), 0))
	read := make(chan error)
	go func() {
		// Root reads everything. Linux has file access by thread, and this one ends with the
		// goroutine, as it is never unlocked.
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				read <- err
				return
			}
		}
		_, err := token.File(path).Token(t.Context())
		read <- err
	}()
	err := <-read
	require.ErrorIs(t, err, os.ErrPermission)
	for _, check := range []string{"changed its user", "debug container", "fsGroup"} {
		assert.ErrorContains(t, err, check)
	}
}
