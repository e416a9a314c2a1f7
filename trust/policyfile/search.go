package policyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/trust"
)

// Search looks for trust policies in files, and in what is JSON or YAML in folders. The zero value
// is ready; it is not safe for concurrent use.
type Search struct {
	// Open opens what is named on a command line. nil: os.Open. With it, a program that takes "-" for
	// standard input gives that.
	Open func(name string) (io.ReadCloser, error)

	// Files counts the files that were read so far, in all calls.
	Files int
	// Skipped are those of them without a policy.
	Skipped []Skipped
}

// Policy is a trust policy and the file that has it, or why what is there cannot be judged.
type Policy struct {
	File string // its name, which begins with that of the folder or is that of the file that was named
	trust.Extracted
}

// Skipped is a file without a trust policy.
type Skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason,omitempty"` // where it could not be read as such a document
}

// Policies are those of files and folders, in order. In a folder it looks at what ends in .json, .yaml,
// .yml, .template and .tfstate, by links to files too. It leaves out folders whose name begins with a
// dot, links to folders, links that lead nowhere and what is not a regular file. A file in a folder may
// be of any kind; one that is named must be one that [Read] knows. An error ends the sequence; that no
// policy was found is one too.
func (s *Search) Policies(names ...string) iter.Seq2[Policy, error] {
	return func(yield func(Policy, error) bool) {
		found, before := 0, s.Files
		each := func(p Policy) bool {
			found++
			return yield(p, nil)
		}
		for _, name := range names {
			if err := s.look(name, each); errors.Is(err, errStopped) {
				return
			} else if err != nil {
				yield(Policy{}, err)
				return
			}
		}
		if found == 0 {
			yield(Policy{}, fmt.Errorf("%s: no trust policy was found in %d files of JSON or YAML", strings.Join(names, ", "), s.Files-before))
		}
	}
}

// errStopped says that the caller wants no more.
var errStopped = errors.New("stopped")

func (s *Search) look(name string, each func(Policy) bool) error {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() { // what cannot be looked at is for Open
		return s.named(name, each)
	}
	root := name + string(filepath.Separator) // a link to a folder is that folder
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml", ".template", ".tfstate"}, filepath.Ext(path)):
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && entry.Type()&fs.ModeSymlink != 0: // an editor's lock, such as .#a.json
			return nil
		case err != nil:
			return err
		case !info.Mode().IsRegular(): // a pipe would be waited for
			return nil
		}
		return s.inFolder(path, each)
	})
}

// named reads a file in which all must be well.
func (s *Search) named(name string, each func(Policy) bool) error {
	open := s.Open
	if open == nil {
		open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	in, err := open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	n, err := s.file(name, in, each)
	switch {
	case errors.Is(err, errStopped):
		return err
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case n == 0:
		s.Skipped = append(s.Skipped, Skipped{File: name})
	}
	return nil
}

// inFolder reads a file of which nobody said that it has policies. One that is broken may have had one.
func (s *Search) inFolder(name string, each func(Policy) bool) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	n, err := s.file(name, in, each)
	unread, broken := (*fs.PathError)(nil), notYAML{}
	switch {
	case errors.Is(err, errStopped):
		return err
	case errors.As(err, &unread):
		return fmt.Errorf("%s: %w", name, err)
	case errors.As(err, &broken):
		s.Skipped = append(s.Skipped, Skipped{name, err.Error()})
	case err != nil && !errors.Is(err, trust.ErrUnknownDocument):
		if !each(Policy{name, trust.Extracted{Err: err}}) {
			return errStopped
		}
	case n == 0:
		s.Skipped = append(s.Skipped, Skipped{File: name})
	}
	return nil
}

func (s *Search) file(name string, in io.Reader, each func(Policy) bool) (n int, err error) {
	s.Files++
	for e, err := range Read(name, in) {
		if err != nil {
			return n, err
		}
		if n++; !each(Policy{name, e}) {
			return n, errStopped
		}
	}
	return n, nil
}
