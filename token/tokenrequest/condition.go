package tokenrequest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/token"
)

// Condition says in an object's status what an error on the way to credentials means: type kind, and
// "True" and "Ready" without one. It changes only when the cause does, so that a controller that sees
// its own update does not try again without end: the message is Meaning of [token.Explain], never the
// text of the error. An error that token.Explain does not know has the reason "Unknown".
//
// LastTransitionTime is left to meta.SetStatusCondition.
func Condition(kind string, err error, generation int64) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: generation}
	if err == nil {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, "Unknown", "see the log of the controller"
	if x, known := token.Explain(err); known {
		c.Reason, c.Message = x.Reason(), x.Meaning
	}
	return c
}
