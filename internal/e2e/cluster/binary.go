package cluster

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Binary is the path of the API server that apiserver/build.sh built, seen from the folder of the
// end-to-end module, of the version that version.mod there requires; "go" is the newest. It never
// builds: that takes minutes, and a test binary has a deadline. The error says what to run.
func Binary(module, version string) (string, error) {
	script := filepath.Join(module, "apiserver", "build.sh")
	command := exec.Command(script, "--check", version)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	path, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", bytes.TrimSpace(stderr.Bytes()), err)
	}
	return string(bytes.TrimSpace(path)), nil
}
