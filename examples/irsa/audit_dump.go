package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/trust"
)

// readCluster reads the output of kubectl get serviceaccounts,pods -A, one object at a time.
func readCluster(cmd *cobra.Command, file string, account func(*corev1.ServiceAccount) error, pod func(*corev1.Pod) error) error {
	counted, end := progress(cmd, "service accounts and pods")
	defer end()
	accounts := 0 // every namespace has one
	err := eachItem(cmd, file, []string{"items"}, func(item json.RawMessage) error {
		counted()
		var kind metav1.TypeMeta
		if err := json.Unmarshal(item, &kind); err != nil {
			return err
		}
		switch kind.Kind {
		case "":
			return errors.New("it has no kind: want what kubectl get -o json prints, without --raw")
		case "ServiceAccount":
			accounts++
			return decoded(item, account)
		case "Pod":
			return decoded(item, pod)
		}
		return nil
	})
	if err == nil && accounts == 0 {
		err = errors.New("it has no service account")
	}
	return err
}

func decoded[T any](item []byte, do func(*T) error) error {
	var v T
	if err := json.Unmarshal(item, &v); err != nil {
		return err
	}
	return do(&v)
}

// readRoles reads the output of aws iam get-account-authorization-details, or of list-roles.
func readRoles(cmd *cobra.Command, file string, roles map[string]*trust.Policy, counted func()) error {
	found := false
	err := eachItem(cmd, file, []string{"RoleDetailList", "Roles"}, func(item json.RawMessage) (err error) {
		var role struct {
			Arn                      string
			AssumeRolePolicyDocument json.RawMessage
		}
		if err := json.Unmarshal(item, &role); err != nil {
			return err
		}
		if role.Arn == "" {
			return errors.New("it has no Arn")
		}
		found = true
		counted()
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
	if err == nil && !found {
		err = errors.New("it does not list any role")
	}
	return err
}

// eachItem gives each element of the lists of those names in objects. JSON is read as a stream, and
// its memory is that of one element; YAML is read whole.
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
	s := stream{bound: &allowance{r: reader}, lists: lists, do: do}
	if !bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) {
		text, err := readBounded(reader)
		if err == nil {
			text, err = yaml.YAMLToJSON(text)
		}
		if err != nil {
			return err
		}
		s.bound.r = bytes.NewReader(text)
	}
	s.Decoder = jsontext.NewDecoder(s.bound)
	return s.read()
}

// allowance fails a reader that gives too much before it is renewed.
type allowance struct {
	r    io.Reader
	left int
}

func (a *allowance) renew() { a.left = maxFile }

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("a part of it has more than %d bytes", maxFile)
	}
	n, err := a.r.Read(p)
	a.left -= n
	return n, err
}

// stream is a dump while it is read.
type stream struct {
	*jsontext.Decoder
	bound *allowance
	lists []string
	do    func(json.RawMessage) error
}

func (s *stream) read() error {
	found := false
	for {
		s.bound.renew()
		switch token, err := s.ReadToken(); {
		case errors.Is(err, io.EOF) && found:
			return nil
		case errors.Is(err, io.EOF) || err == nil && token.Kind() != '{':
			return fmt.Errorf("it has no list %q", s.lists)
		case err != nil:
			return err
		}
		for s.PeekKind() != '}' {
			name, err := s.ReadToken()
			if err != nil {
				return err
			}
			text := name.String()
			listed := slices.Contains(s.lists, text)
			switch more := s.PeekKind(); {
			case text == "NextToken" || text == "IsTruncated" && more == 't':
				return errors.New("it is one page of several, want all: what is on the others would look absent")
			case listed && more != '[' && more != 0:
				return fmt.Errorf("%s: it is not a list", text)
			case listed:
				found = true
				err = s.list(text)
			default:
				err = s.skip()
			}
			if err != nil {
				return err
			}
		}
		if _, err := s.ReadToken(); err != nil {
			return err
		}
	}
}

// list reads a list, an element at a time.
func (s *stream) list(name string) error {
	_, err := s.ReadToken()
	for i := 0; err == nil && s.PeekKind() != ']'; i++ {
		s.bound.renew()
		var item jsontext.Value
		if item, err = s.ReadValue(); err == nil {
			err = s.do(json.RawMessage(item))
		}
		if err != nil {
			return fmt.Errorf("%s[%d]: %w", name, i, err)
		}
	}
	if err == nil {
		_, err = s.ReadToken()
	}
	return err
}

// skip reads over a value of any size.
func (s *stream) skip() error {
	for depth := s.StackDepth(); ; {
		s.bound.renew()
		if _, err := s.ReadToken(); err != nil || s.StackDepth() <= depth {
			return err
		}
	}
}
