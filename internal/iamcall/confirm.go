package iamcall

import (
	"context"
	"time"
)

// Outcome is what reading again says of a write.
type Outcome int

const (
	// NotYet: what is read is what was there before the write. IAM is eventually consistent,
	// so it may be old.
	NotYet Outcome = iota
	// Kept: the write is there.
	Kept
	// Lost: something else is there, so another writer has replaced it.
	Lost
)

const (
	confirmReads  = 3
	defaultSettle = 500 * time.Millisecond
)

// Confirm reads again after a whole-document write, for which IAM has no condition: of two
// writers that read the same state, the later replaces what the earlier wrote. It waits for
// settle before the first read (0: half a second; less than 0: nothing is read and the write
// counts as kept) and twice as long before each further one while the answer is NotYet.
func Confirm(ctx context.Context, settle time.Duration, read func(context.Context) (Outcome, error)) (Outcome, error) {
	if settle < 0 {
		return Kept, nil
	}
	if settle == 0 {
		settle = defaultSettle
	}
	for range confirmReads {
		if err := Sleep(ctx, settle); err != nil {
			return NotYet, err
		}
		outcome, err := read(ctx)
		if err != nil || outcome != NotYet {
			return outcome, err
		}
		settle *= 2
	}
	return NotYet, nil
}
