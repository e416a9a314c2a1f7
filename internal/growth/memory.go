package growth

import (
	"io"
	"runtime"
	"strings"
)

const interval = 1 << 20

// Large is a document that is made while it is read: a beginning, n parts, and an end.
func Large(begins string, n int, part func(i int) string, ends string) *Memory {
	return &Memory{Reader: io.MultiReader(strings.NewReader(begins), &parts{part: part, left: n}, strings.NewReader(ends))}
}

type parts struct {
	part       func(i int) string
	made, left int
	pending    string
}

func (d *parts) Read(p []byte) (int, error) {
	if d.pending == "" {
		if d.left == 0 {
			return 0, io.EOF
		}
		d.pending = d.part(d.made)
		d.made, d.left = d.made+1, d.left-1
	}
	n := copy(p, d.pending)
	d.pending = d.pending[n:]
	return n, nil
}

// Memory passes on what it reads from Reader, and looks every MiB at how much memory is in use.
// Nothing else may run in the process meanwhile.
type Memory struct {
	Reader io.Reader

	left        int
	first, most uint64
	looks       int
}

// Read reads from Reader.
func (m *Memory) Read(p []byte) (int, error) {
	if m.left <= 0 {
		m.look()
	}
	n, err := m.Reader.Read(p)
	m.left -= n
	return n, err
}

func (m *Memory) look() {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	if m.looks++; m.looks == 1 {
		m.first = now.HeapAlloc
	}
	m.most, m.left = max(m.most, now.HeapAlloc), interval
}

// Grew is by how many bytes more were in use while it was read than at the first read. Looks is how
// often that was looked at.
func (m *Memory) Grew() (bytes int64, looks int) { return int64(m.most - m.first), m.looks }
