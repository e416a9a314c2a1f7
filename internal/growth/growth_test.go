package growth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/growth"
)

func TestWorkThatGrowsWithTheSquareIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		assert.NoError(t, growth.Linear(10, func(n int) func() {
			time.Sleep(time.Duration(n*n) * time.Second) // not timed
			return func() { time.Sleep(time.Duration(n) * time.Second) }
		}))
		assert.EqualError(t, growth.Linear(10, func(n int) func() {
			return func() { time.Sleep(time.Duration(n*n) * time.Second) }
		}), "10 things take 1m40s, and 40 take 26m40s")
		busy := 3
		assert.NoError(t, growth.Linear(10, func(n int) func() {
			return func() {
				if busy--; busy > 0 {
					time.Sleep(time.Hour)
				}
				time.Sleep(time.Duration(n) * time.Second)
			}
		}), "a machine that is busy for a while")
	})
}
