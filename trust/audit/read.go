package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/jsonstream"
	"github.com/irsa-go/irsa/internal/strictjson"
	"github.com/irsa-go/irsa/internal/yamltree"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/policyfile"
)

// limits bound one object of a cluster, and YAML, which is read whole.
func limits() strictjson.Limits { return strictjson.Limits{Bytes: 64 << 20, Depth: 1000} }

// ReadRoles reads the roles of an account, by ARN: what "aws iam get-account-authorization-details" or
// "list-roles" print, as a stream. The name of the file tells YAML, as for [policyfile.Read]. A role
// whose policy cannot be read is an error, and so are one page of several, as what is missing would
// look absent, and a role that is listed twice with different policies.
func ReadRoles(name string, r io.Reader) (map[string]*trust.Policy, error) {
	roles := map[string]*trust.Policy{}
	for e, err := range policyfile.Read(name, r) {
		switch {
		case err != nil:
			return nil, err
		case e.ARN == "":
			return nil, fmt.Errorf("audit: %s: the document does not say the ARN of role %q", e.Path, e.Name)
		case e.Err != nil:
			return nil, fmt.Errorf("audit: role %q: %w", e.ARN, e.Err)
		case roles[e.ARN] != nil && !roles[e.ARN].Equal(e.Policy):
			return nil, fmt.Errorf("audit: role %q: it is listed twice, with different policies", e.ARN)
		}
		roles[e.ARN] = e.Policy
	}
	if len(roles) == 0 {
		return nil, errors.New("audit: it does not list any role")
	}
	return roles, nil
}

// Cluster looks at the service accounts and pods of a cluster: what "kubectl get serviceaccounts,pods
// --all-namespaces -o json" prints, as a stream, one object at a time, or the same as YAML, which is read
// whole, up to 64 MiB. Several lists may follow each other, and nothing else may. Objects of other kinds
// are passed over. A dump without a service account is an error, as every namespace has one. After an
// error the audit has a part of the cluster, and its report should not be used.
func (a *Audit) Cluster(cluster trust.Provider, dump io.Reader) error {
	accounts := 0
	err := eachItem(dump, func(item []byte) error {
		var kind metav1.TypeMeta
		if err := json.Unmarshal(item, &kind); err != nil {
			return err
		}
		switch kind.Kind {
		case "":
			return errors.New("it has no kind: want what kubectl get -o json prints, without --raw")
		case "ServiceAccount":
			accounts++
			var account corev1.ServiceAccount
			if err := json.Unmarshal(item, &account); err != nil {
				return err
			}
			return a.ServiceAccount(cluster, &account)
		case "Pod":
			var pod corev1.Pod
			if err := json.Unmarshal(item, &pod); err != nil {
				return err
			}
			return a.Pod(cluster, &pod)
		}
		return nil
	})
	if err == nil && accounts == 0 {
		err = errors.New("it has no service account")
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// eachItem gives each element of the lists "items" of one or more objects.
func eachItem(dump io.Reader, do func([]byte) error) error {
	s, err := objects(dump)
	if err != nil {
		return err
	}
	read := 0
	for s.Kind() == '{' {
		listed := false
		if err := s.Object(func(name string) error {
			listed = listed || name == "items" && (s.Kind() == '[' || s.Kind() == 'n')
			if name != "items" || s.Kind() != '[' {
				return s.Skip()
			}
			i := -1
			return s.Array(func() error {
				i++
				v, err := s.Value()
				if err == nil {
					err = do(v.Raw)
				}
				if err != nil {
					return fmt.Errorf("items[%d]: %w", i, err)
				}
				return nil
			})
		}); err != nil {
			return err
		}
		if read++; !listed {
			return fmt.Errorf(`object %d has no list "items"`, read)
		}
	}
	if read == 0 {
		return errors.New(`it has no list "items"`)
	}
	return s.End()
}

// objects reads JSON as it comes, and YAML whole.
func objects(dump io.Reader) (*jsonstream.Reader, error) {
	in := bufio.NewReader(dump)
	start, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) {
		return jsonstream.New(in, limits()), nil
	}
	text, err := io.ReadAll(io.LimitReader(in, int64(limits().Bytes)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > limits().Bytes {
		return nil, fmt.Errorf("it has more than %d bytes, and only JSON is read as a stream", limits().Bytes)
	}
	documents, err := yamltree.Documents(text)
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, document := range documents {
		if yamltree.Root(document) == nil {
			continue
		}
		object, err := yamltree.JSON(document)
		if err != nil {
			return nil, err
		}
		all.Write(object)
	}
	return jsonstream.New(&all, limits()), nil
}
