// Package wallclock is a clock that only the tests of this module can replace.
package wallclock

import "time"

// Clock tells the time of day. The zero value is the clock of the machine.
type Clock struct{ now func() time.Time }

// Func is a clock that a test drives.
func Func(now func() time.Time) Clock { return Clock{now} }

// At returns the clock's time at the moment that the machine calls t.
func (c Clock) At(t time.Time) time.Time {
	if c.now == nil {
		return t
	}
	return c.now()
}
