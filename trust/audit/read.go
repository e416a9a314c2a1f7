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
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/internal/jsonstream"
	"github.com/irsa-go/irsa/internal/strictjson"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/policyfile"
)

// limits bound one object of a cluster, and YAML, which is read whole.
func limits() strictjson.Limits { return strictjson.Limits{Bytes: 64 << 20, Depth: 1000} }

// ReadRoles reads the roles of an account, by ARN: what "aws iam get-account-authorization-details" or
// "list-roles" print, as a stream. The name of the file tells YAML, as for [policyfile.Read]. A role
// whose policy cannot be read is an error, and so is one page of several: what is missing would look absent.
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
		}
		roles[e.ARN] = e.Policy
	}
	if len(roles) == 0 {
		return nil, errors.New("audit: it does not list any role")
	}
	return roles, nil
}

// Cluster looks at the service accounts and pods of a cluster: what "kubectl get serviceaccounts,pods
// --all-namespaces -o json" prints, as a stream, one object at a time, or the same as YAML. Objects of
// other kinds are passed over. A dump without a service account is an error, as every namespace has one.
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
			a.Pod(cluster, &pod)
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
	in := bufio.NewReader(dump)
	start, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s := jsonstream.New(in, limits())
	if !bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) {
		text, err := io.ReadAll(io.LimitReader(in, int64(limits().Bytes)+1))
		if err == nil && len(text) > limits().Bytes {
			err = fmt.Errorf("it has more than %d bytes, and only JSON is read as a stream", limits().Bytes)
		}
		if err == nil {
			text, err = yaml.YAMLToJSON(text)
		}
		if err != nil {
			return err
		}
		s = jsonstream.New(bytes.NewReader(text), limits())
	}
	listed, i := false, 0
	for s.Kind() == '{' {
		if err := s.Object(func(name string) error {
			if name != "items" || s.Kind() != '[' {
				return s.Skip()
			}
			listed, i = true, 0
			return s.Array(func() error {
				v, err := s.Value()
				if err == nil {
					err = do(v.Raw)
				}
				if err != nil {
					err = fmt.Errorf("items[%d]: %w", i, err)
				}
				i++
				return err
			})
		}); err != nil {
			return err
		}
	}
	if !listed {
		return errors.New(`it has no list "items"`)
	}
	return s.End()
}
