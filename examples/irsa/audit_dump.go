package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/trust"
)

// readCluster reads the output of kubectl get serviceaccounts,pods -A, one object at a time.
func readCluster(cmd *cobra.Command, file string, account func(*corev1.ServiceAccount) error, pod func(*corev1.Pod) error) error {
	return eachItem(cmd, file, []string{"items"}, func(item json.RawMessage) error {
		var kind metav1.TypeMeta
		if err := json.Unmarshal(item, &kind); err != nil {
			return err
		}
		switch kind.Kind {
		case "ServiceAccount":
			return decoded(item, account)
		case "Pod":
			return decoded(item, pod)
		}
		return nil
	})
}

func decoded[T any](item []byte, do func(*T) error) error {
	var v T
	if err := json.Unmarshal(item, &v); err != nil {
		return err
	}
	return do(&v)
}

// readRoles reads the output of aws iam get-account-authorization-details, or of list-roles.
func readRoles(cmd *cobra.Command, file string, roles map[string]*trust.Policy) error {
	err := eachItem(cmd, file, []string{"RoleDetailList", "Roles"}, func(item json.RawMessage) (err error) {
		var role struct {
			Arn                      string
			AssumeRolePolicyDocument json.RawMessage
		}
		if err := json.Unmarshal(item, &role); err != nil {
			return err
		}
		var encoded string // as the API has it; the CLI prints an object
		if json.Unmarshal(role.AssumeRolePolicyDocument, &encoded) == nil {
			roles[role.Arn], err = trust.ParseEncoded(encoded)
		} else {
			roles[role.Arn], err = trust.Parse(role.AssumeRolePolicyDocument)
		}
		if err != nil {
			return fmt.Errorf("role %q: %w", role.Arn, err)
		}
		return nil
	})
	if err == nil && len(roles) == 0 {
		err = errors.New("there is no role in it")
	}
	return err
}

// eachItem gives each element of the lists of those names in an object. JSON is read as a stream,
// and its memory is that of one element; YAML is read whole.
func eachItem(cmd *cobra.Command, file string, lists []string, do func(json.RawMessage) error) error {
	in, err := open(cmd, file)
	if err != nil {
		return err
	}
	defer in.Close()
	reader := bufio.NewReader(in)
	start, err := reader.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var r io.Reader = reader
	if !bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) {
		text, err := readBounded(reader)
		if err == nil {
			text, err = yaml.YAMLToJSON(text)
		}
		if err != nil {
			return err
		}
		r = bytes.NewReader(text)
	}
	found, err := stream(json.NewDecoder(r), lists, do)
	if err == nil && !found {
		err = fmt.Errorf("it has no list %q", lists)
	}
	return err
}

func stream(d *json.Decoder, lists []string, do func(json.RawMessage) error) (found bool, err error) {
	if err := delimiter(d, '{'); err != nil {
		return false, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return false, err
		}
		if text, _ := name.(string); !slices.Contains(lists, text) {
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return false, err
			}
			if text == "NextToken" || text == "IsTruncated" && string(skipped) == "true" {
				return false, errors.New("it is one page of several: what it lacks would look absent")
			}
			continue
		}
		found = true
		if err := delimiter(d, '['); err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		for i := 0; d.More(); i++ {
			var item json.RawMessage
			err := d.Decode(&item)
			if err == nil {
				err = do(item)
			}
			if err != nil {
				return false, fmt.Errorf("%s[%d]: %w", name, i, err)
			}
		}
		if err := delimiter(d, ']'); err != nil {
			return false, err
		}
	}
	return found, delimiter(d, '}')
}

func delimiter(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		err = fmt.Errorf("want %q at byte %d", want.String(), d.InputOffset())
	}
	return err
}
