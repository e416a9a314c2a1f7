package growth

import (
	"io"
	"runtime"
)

const interval = 8 << 20

// Memory passes on what it reads from Reader, and looks every 8 MiB at how much memory is in use.
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
