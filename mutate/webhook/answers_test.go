package webhook_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/mutate/webhook"
)

func TestAnswersGivenAtTheSameTimeDoNotMix(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 50 {
				uid := fmt.Sprintf("u-%d-%d", worker, i)
				name := strings.Repeat("x", worker*100+i)
				body := strings.NewReplacer(`"u-1"`, `"`+uid+`"`, `"name":"main"`, `"name":"`+name+`"`).Replace(reviewOf("v1", pod))
				_, review, _ := post(t, h, body)
				assert.EqualValues(t, uid, review.Response.UID)
				assert.Contains(t, string(review.Response.Patch), role)
			}
		})
	}
	all.Wait()
}
