package tokenrequest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/tokenrequest"
)

func TestAConditionChangesOnlyWhenItsCauseDoes(t *testing.T) {
	t.Parallel()
	of := func(err error) metav1.Condition { return tokenrequest.Condition("CredentialsReady", err, 3) }
	first := of(fmt.Errorf("request 1: %w", token.ErrTokenExpired))
	assert.Equal(t, first, of(fmt.Errorf("request 2: %w", token.ErrTokenExpired)))
	assert.Equal(t, "TokenExpired", first.Reason)
	assert.Equal(t, metav1.ConditionFalse, first.Status)
	assert.NotContains(t, first.Message, "request")
	assert.Equal(t, "Unknown", of(errors.New("request 3")).Reason)
	assert.NotContains(t, of(errors.New("request 3")).Message, "request")
	assert.Equal(t, metav1.Condition{Type: "CredentialsReady", Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: 3}, of(nil))
}

// The reason tells programs what is wrong, the message people.
func ExampleCondition() {
	condition := tokenrequest.Condition("CredentialsReady", fmt.Errorf("team-a/app: %w", token.ErrTokenExpired), 3)
	fmt.Println(condition.Status, condition.Reason)
	// Output: False TokenExpired
}
