// Package iamcall is what every caller of IAM here needs beside the SDK: IAM's error codes,
// patience with its eventual consistency, and tags.
package iamcall

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Step is one write to IAM.
type Step struct {
	// Action is the IAM action, such as "iam:PutRolePolicy".
	Action string
	// Text says what it does, for a person.
	Text string
	// Removes is true of a step that takes something away that the spec does not list.
	Removes bool
}

// PlanText prints a title and one line for each step.
func PlanText(title string, steps []Step) string {
	var b strings.Builder
	b.WriteString(title)
	if len(steps) == 0 {
		b.WriteString(": nothing to do")
	}
	for _, s := range steps {
		sign := "+"
		if s.Removes {
			sign = "-"
		}
		fmt.Fprintf(&b, "\n  %s %s", sign, s.Text)
	}
	return b.String()
}

// StepError reports the step at which a sequence of writes stopped. What was done before stays
// done and is right by itself; the next call goes on from there.
type StepError struct {
	// Step is what failed; zero when reading did.
	Step Step
	// Done are the steps taken before.
	Done []Step
	// Err is IAM's answer, or the context's end.
	Err error
}

// Error names the failed step, its cause and what had been done.
func (e *StepError) Error() string {
	var b strings.Builder
	if e.Step.Text != "" {
		b.WriteString(e.Step.Text + ": ")
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	for i, s := range e.Done {
		b.WriteString([]string{" (done before: ", "; "}[min(i, 1)] + s.Text)
	}
	if len(e.Done) > 0 {
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// Write is a step together with what makes it, by means of a client C.
type Write[C any] struct {
	Step
	Run func(context.Context, C) error
}

// Call is a write that one method of the client makes.
func Call[C, In, Out any](method func(C, context.Context, *In, ...func(*iam.Options)) (*Out, error), in *In, s Step) Write[C] {
	return Write[C]{Step: s, Run: func(ctx context.Context, client C) error {
		_, err := method(client, ctx, in)
		return err
	}}
}

// Steps returns the steps of writes; nil for none.
func Steps[C any](writes []Write[C]) []Step {
	var steps []Step
	for _, w := range writes {
		steps = append(steps, w.Step)
	}
	return steps
}

// Unfinished is the error of a write that was made and after which the object must be looked at
// again: at once, or after a pause for Cause.
type Unfinished struct{ Cause error }

// Error says what is unfinished.
func (u *Unfinished) Error() string {
	if u.Cause == nil {
		return "the write is made in part"
	}
	return u.Cause.Error()
}

// Unwrap returns the cause.
func (u *Unfinished) Unwrap() error { return u.Cause }

// Converge makes an object what it should be.
type Converge[C any] struct {
	Client   C
	Patience *Patience
	// Passing recognises the failures that another look at the object, after a pause, may cure.
	Passing func(error) bool
	// Plan looks at the object and says what to write.
	Plan func(context.Context) ([]Write[C], error)
}

// Run plans and writes until a plan is carried out whole. It returns the writes made. Once
// there are any, or one has failed, the error is a *StepError.
func (c Converge[C]) Run(ctx context.Context) ([]Step, error) {
	var done []Step
	for {
		failed, err := c.round(ctx, &done)
		if err == nil {
			return done, nil
		}
		unfinished, written := errors.AsType[*Unfinished](err)
		switch {
		case written && unfinished.Cause == nil:
			continue
		case written || c.Passing(err):
			err = c.Patience.Wait(ctx, err)
		}
		if err == nil {
			continue
		}
		if failed.Action != "" || len(done) > 0 {
			err = &StepError{Step: failed, Done: done, Err: err}
		}
		return nil, err
	}
}

// round returns the step that failed; none when the plan did.
func (c Converge[C]) round(ctx context.Context, done *[]Step) (failed Step, err error) {
	writes, err := c.Plan(ctx)
	if err != nil {
		return Step{}, err
	}
	for _, w := range writes {
		err := w.Run(ctx, c.Client)
		if _, written := errors.AsType[*Unfinished](err); err == nil || written {
			*done = append(*done, w.Step)
			w.Step = Step{}
		}
		if err != nil {
			return w.Step, err
		}
	}
	return Step{}, nil
}
