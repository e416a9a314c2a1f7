package load_test

import (
	"bufio"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSIGTERMUnderLoadLosesNoReview(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asServer+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	reader := bufio.NewReader(stdout)
	address, err := reader.ReadString('\n')
	require.NoError(t, err)
	certificate, err := io.ReadAll(reader)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(certificate))
	url := "https://" + strings.TrimSpace(address)

	var answered, lost atomic.Int64
	var wg sync.WaitGroup
	body := review()
	for range clients {
		client := dial(roots) // each with a connection of its own, as several API servers
		wg.Go(func() {
			defer client.CloseIdleConnections()
			for {
				switch _, err := ask(client, url, body); {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, syscall.ECONNREFUSED):
					return // never sent: the API server would go to another replica
				default:
					lost.Add(1)
					t.Log(err)
					return
				}
			}
		})
	}
	require.Eventually(t, func() bool { return answered.Load() > 500 }, 20*time.Second, 10*time.Millisecond)
	before := answered.Load()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	wg.Wait()
	require.NoError(t, cmd.Wait(), "the server ends in good order")
	t.Logf("%d reviews answered, %d of them after the signal", answered.Load(), answered.Load()-before)
	assert.Zero(t, lost.Load())
}
