package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/oidc"
)

// rotation is the command line of "irsa issuer rotate".
type rotation struct{ state, old, next, done string }

// newRotate begins the replacement of a key, records its steps, and says what is next.
func newRotate() *cobra.Command {
	var r rotation
	cmd := &cobra.Command{
		Use: "rotate", Short: "Replace a signing key without a token failing: what is next, and when",
		Long: "Begins a rotation with --old and --new, records a step with --done, and says what is next.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	addState(cmd, &r.state)
	cmd.Flags().StringVar(&r.old, "old", "", "PEM `FILE` with the key to replace: begins a rotation")
	cmd.Flags().StringVar(&r.next, "new", "", "PEM `FILE` with the key that replaces it")
	cmd.Flags().StringVar(&r.done, "done", "", "`STEP` that is finished everywhere")
	cmd.MarkFlagsRequiredTogether("old", "new")
	return cmd
}

func addState(cmd *cobra.Command, state *string) {
	cmd.Flags().StringVar(state, "state", "", "`FILE` that keeps how far the rotation has come")
	required(cmd, "state")
}

func (o rotation) run(cmd *cobra.Command) error {
	r, err := o.begun(cmd)
	if err != nil {
		return err
	}
	if o.done != "" {
		if r, err = r.Done(oidc.RotationStep(o.done), time.Now()); err != nil {
			return err
		}
		if err := saveRotation(o.state, r, replaceFile); err != nil {
			return err
		}
	}
	return show(cmd, next(r))
}

// begun is the rotation that is under way, or a new one.
func (o rotation) begun(cmd *cobra.Command) (oidc.Rotation, error) {
	if o.old == "" {
		return loadRotation(cmd, o.state)
	}
	var ids []string
	for _, name := range []string{o.old, o.next} {
		keys, err := readKeys(cmd, name)
		if err != nil {
			return oidc.Rotation{}, err
		}
		if keys.Len() != 1 {
			return oidc.Rotation{}, fmt.Errorf("%s: it has %d keys, want one", name, keys.Len())
		}
		ids = append(ids, keys.IDs()[0])
	}
	if ids[0] == ids[1] {
		return oidc.Rotation{}, fmt.Errorf("--new %s: it is the key of --old", o.next)
	}
	r := oidc.Rotation{Old: ids[0], New: ids[1]}
	return r, saveRotation(o.state, r, createFile) // another one may be under way
}

func loadRotation(cmd *cobra.Command, name string) (r oidc.Rotation, err error) {
	text, err := readFile(cmd, name)
	if errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("--state: %w: begin with --old and --new", err)
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && (r.Old == "" || r.New == "") {
		err = errors.New("it is not the state of a rotation")
	}
	if err != nil {
		return oidc.Rotation{}, fmt.Errorf("--state %s: %w", name, err)
	}
	return r, nil
}

func saveRotation(name string, r oidc.Rotation, write func(string, []byte) error) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return write(name, append(text, '\n'))
}

// next is what a rotation waits for.
func next(r oidc.Rotation) done {
	step, from := r.Next()
	d := done{"next": map[oidc.RotationStep]string{
		oidc.StepNone:    "nothing, the rotation is complete",
		oidc.StepAccept:  "give every API server both keys with --service-account-key-file; then --done accept",
		oidc.StepPublish: "irsa issuer publish with both keys; then --done publish",
		oidc.StepSign:    "let every API server sign with the new key, --service-account-signing-key-file; then --done sign",
		oidc.StepRetire:  "irsa issuer retire, and take the old key from the API servers",
	}[step]}
	if from.After(time.Now()) {
		d["not before"] = from.UTC().Format(time.RFC3339)
	}
	return d
}

// newRetire publishes what is served without the old key, once its last token has expired.
func (p process) newRetire() *cobra.Command {
	o := &issuerOptions{process: p}
	var state string
	cmd := o.addStore(o.ofIssuer("retire", "Take the old key of a rotation down, once its last token has expired", func(cmd *cobra.Command) error {
		return o.retire(cmd, state)
	}))
	addState(cmd, &state)
	return cmd
}

func (o *issuerOptions) retire(cmd *cobra.Command, state string) error {
	r, err := loadRotation(cmd, state)
	if err != nil {
		return err
	}
	store, err := o.store(cmd.Context())
	if err != nil {
		return err
	}
	doc, served, err := oidc.Served(cmd.Context(), store, o.issuer)
	if err != nil {
		return err
	}
	if doc == nil {
		return fmt.Errorf("nothing is published of %s", o.issuer)
	}
	left, err := r.Retire(served, time.Now())
	if err != nil {
		return err
	}
	o.jwksURI, o.drop = doc.JWKSURI, []string{r.Old}
	if err := o.put(cmd, store, left); err != nil {
		return err
	}
	if r, err = r.Done(oidc.StepRetire, time.Now()); err != nil {
		return err
	}
	return saveRotation(state, r, replaceFile)
}
