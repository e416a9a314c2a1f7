// Package arn is the library's one parser of Amazon Resource Names.
//
// The grammar is that of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.
package arn

import (
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/partition"
)

// ARN is the six fields of a resource name. The zero value is no ARN.
type ARN struct {
	Partition string
	Service   string
	Region    string
	AccountID string
	Resource  string // all that follows the fifth colon
}

// Parse splits s into its fields. It checks the form only: six fields, "arn" first, and
// partition, service and resource not empty. The partition need not be a known one.
func Parse(s string) (ARN, error) {
	var f [6]string // as strings.SplitN would have it, without allocating
	rest, found := s, true
	for i := range 5 {
		if f[i], rest, found = strings.Cut(rest, ":"); !found {
			break
		}
	}
	f[5] = rest
	if !found || f[0] != "arn" {
		return ARN{}, errors.New(`it is not an ARN, want "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"`)
	}
	a := ARN{Partition: f[1], Service: f[2], Region: f[3], AccountID: f[4], Resource: f[5]}
	for _, field := range []struct{ name, value string }{
		{"partition", a.Partition}, {"service", a.Service}, {"resource", a.Resource},
	} {
		if field.value == "" {
			return ARN{}, fmt.Errorf("its %s is empty", field.name)
		}
	}
	return a, nil
}

// String returns the ARN in its only spelling; the zero value gives "".
func (a ARN) String() string {
	if a == (ARN{}) {
		return ""
	}
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.AccountID + ":" + a.Resource
}

// ParseIAM is Parse for a resource of IAM in a known partition: no region, a 12-digit
// account, and a resource "KIND/NAME". It returns NAME, which may hold further slashes.
func ParseIAM(s, kind string) (a ARN, name string, err error) {
	if !strings.HasPrefix(s, "arn:") || strings.Count(s, ":") < 5 {
		return ARN{}, "", fmt.Errorf(`it is not an ARN, want "arn:PARTITION:iam::ACCOUNT:%s/NAME"`, kind)
	}
	a, err = Parse(s)
	if err != nil {
		return ARN{}, "", err
	}
	if err := CheckPartition(a.Partition); err != nil {
		return ARN{}, "", err
	}
	if a.Service != "iam" {
		return ARN{}, "", fmt.Errorf(`its service is %q, want "iam"`, a.Service)
	}
	if a.Region != "" {
		return ARN{}, "", fmt.Errorf("its region is %q, but IAM is global: want none", a.Region)
	}
	if err := CheckAccountID(a.AccountID); err != nil {
		return ARN{}, "", err
	}
	name, ok := strings.CutPrefix(a.Resource, kind+"/")
	if !ok || name == "" {
		return ARN{}, "", fmt.Errorf(`its resource is %q, want "%s/NAME"`, a.Resource, kind)
	}
	return a, name, nil
}

// CheckPartition reports a partition that the table does not have.
func CheckPartition(name string) error {
	if _, ok := partition.ByName(name); !ok {
		return fmt.Errorf("partition %q is unknown, want one of %s", name, strings.Join(partition.Names(), ", "))
	}
	return nil
}

// CheckAccountID reports an account id that is not twelve decimal digits.
func CheckAccountID(id string) error {
	if len(id) != 12 || strings.Trim(id, "0123456789") != "" {
		return fmt.Errorf("account id %q is not twelve digits", id)
	}
	return nil
}
