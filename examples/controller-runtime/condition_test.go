package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/token"
)

func TestAConditionChangesOnlyWhenItsCauseDoes(t *testing.T) {
	t.Parallel()
	first := condition(fmt.Errorf("request 1: %w", token.ErrTokenExpired), 3)
	assert.Equal(t, first, condition(fmt.Errorf("request 2: %w", token.ErrTokenExpired), 3))
	assert.Equal(t, "TokenExpired", first.Reason)
	assert.Equal(t, metav1.ConditionFalse, first.Status)
	assert.Equal(t, "Unknown", condition(errors.New("something else"), 3).Reason)
	assert.Equal(t, metav1.ConditionTrue, condition(nil, 3).Status)
}
