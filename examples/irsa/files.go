package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// maxFile bounds what is read whole.
const maxFile = 64 << 20

// open opens a file, or standard input for "-", which can be read once.
func open(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name != "-" {
		return os.Open(name)
	}
	in := cmd.InOrStdin()
	if _, ok := in.(spent); ok {
		return nil, errors.New("-: standard input is read already: it can be one file only")
	}
	cmd.Root().SetIn(spent{in})
	return io.NopCloser(in), nil
}

// spent is standard input that has been read.
type spent struct{ io.Reader }

// readFile reads a file, or standard input for "-".
func readFile(cmd *cobra.Command, name string) ([]byte, error) {
	in, err := open(cmd, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := readBounded(in)
	if errors.Is(err, errTooLong) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return text, err
}

var errTooLong = fmt.Errorf("it has more than %d bytes", maxFile)

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLong
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
	return finish(file, text)
}

// replaceFile writes a file in place of another, whole or not at all.
func replaceFile(name string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".irsa-*")
	if err != nil {
		return err
	}
	if err := finish(file, text); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func finish(file *os.File, text []byte) error {
	_, err := file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}
