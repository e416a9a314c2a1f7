package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/token"
)

// condition says in an object's status what keeps an account from its credentials. It changes only
// when the cause does.
func condition(err error, generation int64) metav1.Condition {
	c := metav1.Condition{Type: "CredentialsReady", Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: generation}
	if err == nil {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, "Unknown", "see the log of the controller"
	if x, known := token.Explain(err); known {
		c.Reason, c.Message = x.Reason(), x.Meaning
	}
	return c
}
