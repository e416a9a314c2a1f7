// Package rolerule composes the ARN of a role from a service account, so that nobody has to look
// up which role an account has. Packages mutate and iamrole and the admission policy by rule agree
// on it through here.
package rolerule

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
)

// The lengths that the forms follow from.
const (
	maxName   = 64  // of a role's name, in IAM
	maxPrefix = 20  // of NamePrefix
	maxPath   = 128 // of Path: with a namespace and what a long name leaves over, 512 suffice
)

// Long begins the name of a role, behind the prefix, whose account's name is cut. No name of
// Kubernetes has the character in it.
const Long = "+"

// RoleRule says which role a service account has, by its namespace and name alone:
//
//	arn:PARTITION:iam::ACCOUNT:role/irsa/NAMESPACE/NAMESPACE.NAME
//
// The namespace stands in the role's name too, because IAM takes a name once in an account,
// whatever its path. A name of more than IAM's 64 characters keeps its beginning and its end,
// behind a "+", and what is cut out of the middle stands in the path:
//
//	arn:PARTITION:iam::ACCOUNT:role/irsa/NAMESPACE/MIDDLE/+BEGINNINGEND
//
// No two accounts have the same ARN. Two long names that begin and end alike cannot both have a
// role: IAM refuses the second, and nobody gets the first one's.
//
// The zero value is not a rule.
type RoleRule struct {
	// AccountID is the AWS account of the roles, 12 digits. Required.
	AccountID string
	// Partition of the account. "": aws.
	Partition string
	// Path of the roles, before the namespace: parts of letters, digits and _+=,.@- between
	// slashes, at most 128 characters. "": /irsa/.
	Path string
	// NamePrefix begins the roles' names, at most 20 of the same characters, the last of them
	// one of _+=,@, which ends it for certain. A second cluster of one AWS account needs one.
	// "": none.
	NamePrefix string
}

// IsZero says whether r is the zero value, which is not a rule.
func (r RoleRule) IsZero() bool { return r == RoleRule{} }

// Check reports everything that is wrong with a rule.
func (r RoleRule) Check() error {
	var errs []error
	fail := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
	}
	fail("AccountID", arn.CheckAccountID(r.AccountID))
	fail("Partition", arn.CheckPartition(r.partition()))
	fail("Path", checkPath(r.path()))
	fail("NamePrefix", checkPrefix(r.NamePrefix))
	return errors.Join(errs...)
}

func checkPath(path string) error {
	if len(path) > maxPath || len(path) < 2 || path[0] != '/' || path[len(path)-1] != '/' || strings.Contains(path, "//") ||
		!arn.Only(strings.ReplaceAll(path, "/", ""), arn.IsNameRune) {
		return fmt.Errorf(`%q is not a path such as "/irsa/": parts of letters, digits and _+=,.@- between slashes, at most %d characters`, path, maxPath)
	}
	return nil
}

func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if len(prefix) > maxPrefix || !arn.Only(prefix, arn.IsNameRune) || !strings.ContainsAny(prefix[len(prefix)-1:], "_+=,@") {
		return fmt.Errorf(`%q is not a prefix such as "blue_": at most %d letters, digits and _+=,.@-, the last of them one of _+=,@`, prefix, maxPrefix)
	}
	return nil
}

func (r RoleRule) partition() string { return cmp.Or(r.Partition, "aws") }

func (r RoleRule) path() string { return cmp.Or(r.Path, "/irsa/") }

// Form is the parts of a rule that ARNs are put together from, for those who do it in another language.
type Form struct {
	Base           string // of an ARN, up to and with the slash before the namespace
	Prefix         string // of a name
	Short          int    // the most characters of NAMESPACE.NAME that fit
	Beginning, End int    // how many characters a name keeps that is longer
}

// FormOf returns the parts of a rule. It is not a method: the rule's own are public in mutate.
func FormOf(r RoleRule) Form {
	room := maxName - len(r.NamePrefix)
	kept := room - len(Long)
	return Form{
		Base:   "arn:" + r.partition() + ":iam::" + r.AccountID + ":role" + r.path(),
		Prefix: r.NamePrefix, Short: room, Beginning: kept / 2, End: kept - kept/2,
	}
}

// ARN returns the role of a service account. It fails for a rule that Check does not pass, and for
// names that no account has.
func (r RoleRule) ARN(namespace, account string) (string, error) {
	if err := errors.Join(r.Check(), kubename.CheckNamespace(namespace), kubename.CheckServiceAccount(account)); err != nil {
		return "", err
	}
	f, full := FormOf(r), namespace+"."+account
	if len(full) <= f.Short {
		return f.Base + namespace + "/" + f.Prefix + full, nil
	}
	end := len(full) - f.End
	return f.Base + namespace + "/" + full[f.Beginning:end] + "/" + f.Prefix + Long + full[:f.Beginning] + full[end:], nil
}

// Account returns the service account whose role an ARN is under the rule; false for any other ARN.
func (r RoleRule) Account(role string) (namespace, account string, ok bool) {
	f := FormOf(r)
	parts := strings.Split(strings.TrimPrefix(role, f.Base), "/")
	full := strings.TrimPrefix(parts[len(parts)-1], f.Prefix)
	if kept, long := strings.CutPrefix(full, Long); long && len(parts) == 3 && len(kept) == f.Beginning+f.End {
		full = kept[:f.Beginning] + parts[1] + kept[f.Beginning:]
	}
	namespace, account = parts[0], strings.TrimPrefix(full, parts[0]+".")
	// Whatever was read, only the account that has this very ARN is its own.
	if again, err := r.ARN(namespace, account); err != nil || again != role {
		return "", "", false
	}
	return namespace, account, true
}
