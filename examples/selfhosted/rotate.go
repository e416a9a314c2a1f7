package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/irsa-go/irsa/oidc"
)

// rotate begins a rotation with -old and -new, records a step with -done, and says what is next.
func rotate(_ context.Context, o options, stdout io.Writer) error {
	var r oidc.Rotation
	var err error
	if o.old != "" || o.next != "" {
		r, err = begin(o)
	} else {
		r, err = load(o.state)
	}
	if err != nil {
		return err
	}
	if o.done != "" {
		if r, err = r.Done(oidc.RotationStep(o.done), time.Now()); err != nil {
			return err
		}
		if err := save(o.state, r, os.O_TRUNC); err != nil {
			return err
		}
	}
	say(stdout, r)
	return nil
}

func begin(o options) (oidc.Rotation, error) {
	var ids []string
	for _, name := range []string{o.old, o.next} {
		keys, err := readKeys([]string{name})
		if err != nil {
			return oidc.Rotation{}, err
		}
		if keys.Len() != 1 {
			return oidc.Rotation{}, fmt.Errorf("%s: it has %d keys, want one", name, keys.Len())
		}
		ids = append(ids, keys.IDs()[0])
	}
	r := oidc.Rotation{Old: ids[0], New: ids[1]}
	return r, save(o.state, r, os.O_EXCL) // another one may be under way
}

func load(name string) (oidc.Rotation, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return oidc.Rotation{}, fmt.Errorf("%w: begin with -old and -new", err)
	}
	var r oidc.Rotation
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

func save(name string, r oidc.Rotation, how int) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	return errors.Join(err, file.Close())
}

func say(stdout io.Writer, r oidc.Rotation) {
	step, from := r.Next()
	what := map[oidc.RotationStep]string{
		oidc.StepNone:    "the rotation is complete",
		oidc.StepAccept:  "give every API server both keys with --service-account-key-file; then -done accept",
		oidc.StepPublish: "selfhosted publish with both keys; then -done publish",
		oidc.StepSign:    "let every API server sign with the new key, --service-account-signing-key-file; then -done sign",
		oidc.StepRetire:  "selfhosted retire, and take the old key from the API servers",
	}[step]
	if from.After(time.Now()) {
		what = "wait until " + from.UTC().Format(time.RFC3339) + ", then " + what
	}
	fmt.Fprintln(stdout, what)
}

// retire publishes what is served without the old key, once its last token has expired.
func retire(ctx context.Context, o options, stdout io.Writer) error {
	r, err := load(o.state)
	if err != nil {
		return err
	}
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	doc, served, err := oidc.Served(ctx, store, o.iss)
	if err != nil {
		return err
	}
	if doc == nil {
		return fmt.Errorf("nothing is published of %s", o.iss)
	}
	left, err := r.Retire(served, time.Now())
	if err != nil {
		return err
	}
	o.jwksURI, o.drop = doc.JWKSURI, []string{r.Old}
	if err := o.put(ctx, store, left, stdout); err != nil {
		return err
	}
	if r, err = r.Done(oidc.StepRetire, time.Now()); err != nil {
		return err
	}
	return save(o.state, r, os.O_TRUNC)
}
