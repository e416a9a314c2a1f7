package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/oidc"
)

// open opens a file, or standard input for "-", which can be read once. Reading shows progress.
func open(cmd *cobra.Command, name string) (_ io.ReadCloser, err error) {
	var file io.ReadCloser
	if name != "-" {
		if file, err = os.Open(name); err != nil {
			return nil, err
		}
	} else {
		in := cmd.InOrStdin()
		if _, ok := in.(spent); ok {
			return nil, errors.New("-: standard input is read already: it can be one file only")
		}
		cmd.Root().SetIn(spent{in})
		file = io.NopCloser(in)
	}
	counted, end := progress(cmd, "bytes of "+name)
	return &reading{file, counted, end}, nil
}

// spent is standard input that has been read.
type spent struct{ io.Reader }

// reading is a file for which somebody waits.
type reading struct {
	io.ReadCloser
	counted func(int)
	end     func()
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.counted(n)
	return n, err
}

func (r *reading) Close() error {
	r.end()
	return r.ReadCloser.Close()
}

// readFile reads a file, or standard input for "-", whole.
func readFile(cmd *cobra.Command, name string) ([]byte, error) {
	const most = 64 << 20
	in, err := open(cmd, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s: it has more than %d bytes", name, most)
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}

// createFile writes a file, for its owner alone, that must not exist; half of one is taken away.
func createFile(name string, text []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// replaceFile writes a file in place of another, whole or not at all.
func replaceFile(name string, text []byte) error {
	return oidc.Directory(filepath.Dir(name)).PutObject(context.Background(), oidc.Object{Path: filepath.Base(name), Body: text})
}
