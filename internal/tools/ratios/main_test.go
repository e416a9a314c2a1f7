package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheTableHasMediansAndRatiosOfTheSameRun(t *testing.T) {
	t.Parallel()
	var in, out strings.Builder
	for _, r := range rows() {
		for i, ours := range []int{100, 300, 200} {
			if strings.Contains(in.String(), fmt.Sprintf("Benchmark%s-2 \t %d \t", r.ours, i)) {
				continue
			}
			in.WriteString(run(r.ours, i, ours))
			if r.what == "cached credentials" {
				fmt.Fprintf(&in, "BenchmarkCachedRetrieve/Clock/one-2 \t %d \t %d ns/op\n", i, 50)
			}
		}
		for i, theirs := range []int{400, 600, 1000} {
			if r.theirs != "" {
				in.WriteString(run(r.theirs, i, theirs))
			}
		}
	}
	require.NoError(t, report(strings.NewReader(in.String()), &out))
	assert.Contains(t, out.String(), "| a token verified | 200 ns | go-jose alone | 4.0 (2.0 to 5.0) |\n")
	assert.Contains(t, out.String(), "| the clock alone | 50 ns |  |  |\n")
	assert.Contains(t, out.String(), "| cached credentials, beyond the clock | 150 ns | aws.CredentialsCache | 6.3 (2.2 to 7.0) |\n")
	assert.Contains(t, out.String(), "| memory of an identity, of 10,000 in a Pool | 200 B | aws.CredentialsCache with stscreds | 4.0 (2.0 to 5.0) |\n")
	assert.Contains(t, out.String(), "| a verdict | 200 ns |  |  |\n")
	// The first run of the clock took longer than the first of the provider.
	disturbed := strings.Replace(in.String(), "Clock/one-2 \t 0 \t 50", "Clock/one-2 \t 0 \t 150", 1)
	out.Reset()
	require.NoError(t, report(strings.NewReader(disturbed), &out))
	assert.Contains(t, out.String(), "| cached credentials, beyond the clock | 250 ns | aws.CredentialsCache | 6.3 (2.2 to 6.3) |\n")
	assert.ErrorContains(t, report(strings.NewReader("PASS\n"), &out), "there are 0 runs of Admission/600/handler")
}

// run is a line of go test, of a time or of another metric, which follows the time.
func run(name string, i, n int) string {
	if name, metric, ok := strings.Cut(name, " "); ok {
		return fmt.Sprintf("Benchmark%s-2 \t %d \t 77 ns/op\t %d %s\n", name, i, n, metric)
	}
	return fmt.Sprintf("Benchmark%s-2 \t %d \t %d.0 ns/op\t 5 B/op\n", name, i, n)
}

func TestAmountsHaveThreeDigits(t *testing.T) {
	t.Parallel()
	for ns, want := range map[float64]string{7.25: "7.25 ns", 999: "999 ns", 999.7: "1 µs", 12345: "12.3 µs", 1234567: "1.23 ms", 2e9: "2 s"} {
		assert.Equal(t, want, amount("a", ns))
	}
	assert.Equal(t, "4.57 kB", amount("a B/identity", 4567))
}
