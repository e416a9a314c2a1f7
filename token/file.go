package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"

	"github.com/irsa-go/irsa/internal/kubeclaims"
)

// ErrEmptyToken is what errors.Is finds when a source has no token to give: an empty file, an
// empty string.
var ErrEmptyToken = errors.New("the token is empty")

// File is the path of a token file, such as the one that the kubelet projects into a pod, as a
// [Source] and as a stscreds.IdentityTokenRetriever.
//
// The file is opened at every call, through the symbolic links that the kubelet swaps when it
// rotates the token, and white space around the token is cut off. A File is a plain value and
// safe for concurrent use.
type File string

var (
	_ Source                          = File("")
	_ stscreds.IdentityTokenRetriever = File("")
)

// Token reads the token. Errors say what to check, and satisfy errors.Is: os.ErrNotExist for a
// missing file, os.ErrPermission for an unreadable one, [ErrEmptyToken] for an empty one. More
// than the 20000 bytes that STS takes as a token are an error too, and what is not a regular file: a
// named pipe could hold the caller forever.
func (f File) Token(ctx context.Context) (string, error) {
	token, err := f.read(ctx)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return token, nil
}

// GetIdentityToken is Token without a context, as stscreds asks for it.
func (f File) GetIdentityToken() ([]byte, error) {
	token, err := f.Token(context.Background())
	if err != nil {
		return nil, err
	}
	return []byte(token), nil
}

// read is Token without the package's prefix.
func (f File) read(ctx context.Context) (string, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("file %q: %w", string(f), err)
	}
	if f == "" {
		return "", &fileError{fmt.Errorf("file: the path is empty: %w", os.ErrNotExist)}
	}
	info, err := os.Stat(string(f))
	if err != nil {
		return "", f.explain(err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("file %q: it is not a regular file, its mode is %v", string(f), info.Mode())
	}
	file, err := os.Open(string(f))
	if err != nil {
		return "", f.explain(err)
	}
	defer file.Close()
	const mostSpace = 1024
	content, err := io.ReadAll(io.LimitReader(file, kubeclaims.MaxToken+mostSpace+1))
	if err != nil {
		return "", f.explain(err)
	}
	token := strings.TrimSpace(string(content))
	if len(token) > kubeclaims.MaxToken || len(content) > kubeclaims.MaxToken+mostSpace {
		return "", fmt.Errorf("file %q has more than the %d bytes that STS takes as a token: is it the right file?",
			string(f), kubeclaims.MaxToken)
	}
	if token == "" {
		return "", fmt.Errorf("file %q: %w: the kubelet never leaves it so, another writer may be at work", string(f), ErrEmptyToken)
	}
	return token, nil
}

// explain says what to check. The path is in the message already, so that of a *fs.PathError is left out.
func (f File) explain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = ": check that the pod was mutated (it has a projected volume with this path) " +
			"and that this container mounts the volume"
	case errors.Is(err, fs.ErrPermission):
		// The kubelet writes 0600 (0640 with fsGroup) when all containers share one runAsUser.
		hint = fmt.Sprintf(": it was read as uid %d, gid %d: check whether the process changed its user, "+
			"whether this is a debug container of another user, and the pod's fsGroup and runAsUser", os.Geteuid(), os.Getegid())
	}
	return &fileError{fmt.Errorf("file %q: %w%s", string(f), err, hint)}
}

// fileError says that it is a token file that could not be read, and not any other file.
type fileError struct{ error }

func (e *fileError) Unwrap() error { return e.error }
