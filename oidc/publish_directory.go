package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

var _ ObjectStore = Directory("")

// Directory is an [ObjectStore] of files below a directory, for a web server to serve as the
// issuer's URL. The directory must exist; those below it are made. The web server sets content
// types and cache headers: it must serve the key set as application/jwk-set+json or
// application/json. It is safe for concurrent use on different paths.
type Directory string

// GetObject reads the file. A path that leads out of the directory is an error.
func (d Directory) GetObject(ctx context.Context, path string, limit int) (body []byte, err error) {
	err = d.in(ctx, path, func(root *os.Root, name string) error {
		file, err := root.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		body, err = io.ReadAll(io.LimitReader(file, int64(limit)+1))
		if err == nil && len(body) > limit {
			err = fmt.Errorf("%s: %w: more than %d bytes", path, ErrTooLarge, limit)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// PutObject writes the file whole or not at all: into a temporary one beside it, and then
// renamed. A path that leads out of the directory, over symbolic links as well, is an error.
func (d Directory) PutObject(ctx context.Context, o Object) error {
	return d.in(ctx, o.Path, func(root *os.Root, name string) (err error) {
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		// One name for all attempts: what a crash left is overwritten, not piled up.
		temporary := name + ".tmp"
		defer func() {
			if err != nil {
				err = errors.Join(err, root.RemoveAll(temporary))
			}
		}()
		if err := root.WriteFile(temporary, o.Body, 0o644); err != nil {
			return err
		}
		return root.Rename(temporary, name)
	})
}

// DeleteObject removes the file, and leaves the directories above it.
func (d Directory) DeleteObject(ctx context.Context, path string) error {
	return d.in(ctx, path, func(root *os.Root, name string) error {
		if err := root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// in works below the directory and nowhere else.
func (d Directory) in(ctx context.Context, path string, do func(root *os.Root, name string) error) error {
	fail := func(err error) error { return fmt.Errorf("oidc: directory %q: %w", string(d), err) }
	if ctx != nil && ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	name := filepath.FromSlash(path)
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return fail(fmt.Errorf("path %q does not stay in it", path))
	}
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("it does not exist") // not the file alone
	}
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	if err := do(root, name); err != nil {
		return fail(err)
	}
	return nil
}
