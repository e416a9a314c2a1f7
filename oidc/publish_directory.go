package oidc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

var _ ObjectPutter = Directory("")

// Directory is an [ObjectPutter] that writes files below a directory, for a web server to
// serve as the issuer's URL. The directory must exist; what is below is made. Content types
// and cache headers are the web server's to set: it must serve the key set as
// application/jwk-set+json or application/json. It is safe for concurrent use on different
// paths.
type Directory string

// PutObject writes the file whole or not at all: into a temporary one beside it, and then
// renamed. A path that leads out of the directory, over symbolic links as well, is an error.
func (d Directory) PutObject(ctx context.Context, o Object) error {
	if err := d.put(ctx, o); err != nil {
		return fmt.Errorf("oidc: directory %q: %w", string(d), err)
	}
	return nil
}

func (d Directory) put(ctx context.Context, o Object) (err error) {
	if ctx != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !filepath.IsLocal(filepath.FromSlash(o.Path)) {
		return fmt.Errorf("path %q does not stay in it", o.Path)
	}
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.FromSlash(o.Path)
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
}
