// Package growth tells in tests whether work grows with its input, or with its square. Unlike a limit
// in seconds, that does not depend on how busy the machine is.
package growth

import (
	"fmt"
	"time"
)

const (
	times    = 4  // as much input
	most     = 10 // times as long: 4 is linear, 16 is quadratic
	attempts = 8  // what else the machine does takes time now and then, and not each time
)

// Linear does the work for n things and for four times as many. It is an error when that takes ten
// times as long or longer, however often it is tried. What work returns is timed, what comes before it
// is not.
func Linear(n int, work func(n int) (timed func())) error {
	var small, large time.Duration
	for range attempts {
		small, large = took(work(n)), took(work(times*n))
		if large < most*small {
			return nil
		}
	}
	return fmt.Errorf("%d things take %v, and %d take %v", n, small, times*n, large)
}

func took(timed func()) time.Duration {
	began := time.Now()
	timed()
	return time.Since(began)
}
