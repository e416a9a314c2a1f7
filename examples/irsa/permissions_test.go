package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

var (
	action = regexp.MustCompile(`\b(?:iam|eks|sts):[A-Z]\w+`)
	asMuch = regexp.MustCompile(`what \[(\w+)\] needs`)
)

func TestTheJobsAreWhatTheFunctionsDocument(t *testing.T) {
	t.Parallel()
	documented := map[string]job{}
	for name, folder := range map[string]string{"iamprovider": "oidc/iamprovider", "iamrole": "trust/iamrole", "podidentity": "trust/podidentity"} {
		for _, file := range sources(t, "../../"+folder+"/*.go") {
			for _, declaration := range file.Decls {
				f, ok := declaration.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !f.Name.IsExported() {
					continue
				}
				text := strings.ReplaceAll(strings.ReplaceAll(f.Doc.Text(), "\n\n", "¶"), "\n", " ")
				_, text, ok = strings.Cut(text, "The caller needs ")
				text, _, _ = strings.Cut(text, "¶")
				if j := (job{actions: action.FindAllString(text, -1)}); ok && !strings.HasPrefix(text, "nothing") {
					if more := asMuch.FindStringSubmatch(text); more != nil {
						j.needs = name + "." + more[1]
					}
					slices.Sort(j.actions)
					j.actions = slices.Compact(j.actions)
					documented[name+"."+f.Name.Name] = j
				}
			}
		}
	}
	for _, j := range jobs {
		doc, ok := documented[j.name]
		assert.True(t, ok, "%s does not say what its caller needs", j.name)
		assert.Equal(t, doc.needs, j.needs, j.name)
		assert.ElementsMatch(t, doc.actions, j.actions, j.name)
		delete(documented, j.name)
	}
	assert.Empty(t, documented, "functions that the list lacks")
}

// guarded is an account whose caller may only do what is on a list, and what it did.
type guarded struct {
	*iam.Client
	mu   sync.Mutex
	used []string
}

var errForbidden = errors.New("the policy does not allow it")

func newGuarded(account *trusttest.Account, allowed []string) *guarded {
	g := &guarded{}
	g.Client = iam.NewFromConfig(account.AWSConfig(), func(o *iam.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("policy", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				name := "iam:" + awsmiddleware.GetOperationName(ctx)
				g.mu.Lock()
				defer g.mu.Unlock()
				g.used = append(g.used, name)
				if !slices.Contains(allowed, name) {
					return middleware.InitializeOutput{}, middleware.Metadata{}, fmt.Errorf("%w: %s", errForbidden, name)
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
		})
	})
	return g
}

// Each job is done against an account by somebody who may only do what the list says, and what the
// list says is used.
func TestTheJobsCanBeDoneWithTheirPermissionsAndNeedThem(t *testing.T) {
	t.Parallel()
	iss, err := oidc.ParseIssuer("https://issuer.example")
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", "111122223333", iss.String())
	require.NoError(t, err)
	grant := func(names ...string) trust.Grant {
		g := trust.Grant{Provider: provider}
		for _, name := range names {
			s, err := trust.ServiceAccount("shop", name)
			require.NoError(t, err)
			g.Subjects = append(g.Subjects, s)
		}
		return g
	}
	policy, err := trust.New(grant("checkout"))
	require.NoError(t, err)
	another, err := trust.New(grant("cart"))
	require.NoError(t, err)
	var crowd []string
	for i := range 80 {
		crowd = append(crowd, fmt.Sprintf("a-service-account-of-a-long-name-%d", i))
	}
	large, err := trust.New(grant(crowd...))
	require.NoError(t, err)
	full := iamrole.Spec{
		Name: "shop", Trust: policy, Description: "a", MaxSessionDuration: 2 * time.Hour, PermissionsBoundary: "arn:aws:iam::aws:policy/ReadOnlyAccess",
		InlinePolicies:  map[string]string{"a": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`},
		ManagedPolicies: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Tags: map[string]string{"a": "b"},
	}
	bare := iamrole.Spec{
		Name: "shop", Trust: policy, Description: "b", ClearPermissionsBoundary: true,
		ForeignInlinePolicies: iamrole.Remove, ForeignManagedPolicies: iamrole.Remove, ForeignTags: iamrole.Remove,
	}
	spec := iamprovider.Spec{AccountID: "111122223333", Issuer: iss, Thumbprints: []string{strings.Repeat("a", 40)}, Tags: map[string]string{"a": "b"}}
	other := spec
	other.Thumbprints, other.ClientIDs, other.Tags = []string{strings.Repeat("b", 40)}, []string{"other"}, map[string]string{"c": "d"}
	ensure := func(ctx context.Context, c *guarded, specs ...iamrole.Spec) error {
		var errs []error
		for _, s := range specs {
			_, err := iamrole.Ensure(ctx, c, s, iamrole.Config{})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	for name, do := range map[string]func(context.Context, *guarded) error{
		"iamprovider.Ensure": func(ctx context.Context, c *guarded) error {
			_, err1 := iamprovider.Ensure(ctx, c, spec, iamprovider.Config{})
			_, err2 := iamprovider.Ensure(ctx, c, other, iamprovider.Config{})
			exact := spec
			exact.Exact = true
			_, err3 := iamprovider.Ensure(ctx, c, exact, iamprovider.Config{})
			return errors.Join(err1, err2, err3)
		},
		"iamprovider.Plan":   func(ctx context.Context, c *guarded) error { _, err := iamprovider.Plan(ctx, c, spec); return err },
		"iamprovider.Delete": func(ctx context.Context, c *guarded) error { return iamprovider.Delete(ctx, c, provider.ARN()) },
		"iamprovider.Stale": func(ctx context.Context, c *guarded) error {
			_, err := iamprovider.Stale(ctx, c, iamprovider.StaleConfig{})
			return err
		},
		"iamrole.Ensure": func(ctx context.Context, c *guarded) error {
			late := full
			late.Name, late.Trust = "late", another
			return ensure(ctx, c, full, full, bare, iamrole.Spec{Name: "late", Trust: policy}, late)
		},
		"iamrole.Read": func(ctx context.Context, c *guarded) error { _, err := iamrole.Read(ctx, c, "there"); return err },
		"iamrole.Plan": func(ctx context.Context, c *guarded) error {
			s := full
			s.Name, s.ForeignInlinePolicies = "there", iamrole.Remove
			_, err1 := iamrole.Plan(ctx, c, s)
			s.Trust = large
			_, err := iamrole.Plan(ctx, c, s)
			var size *trust.SizeError
			if errors.As(err, &size) { // the quota was asked for
				err = nil
			}
			return errors.Join(err1, err)
		},
		"iamrole.Grant": func(ctx context.Context, c *guarded) error {
			return errors.Join(edit(iamrole.Grant(ctx, c, "there", grant("cart"), iamrole.Config{})),
				edit(iamrole.Grant(ctx, c, "there", grant(crowd...), iamrole.Config{})))
		},
		"iamrole.Revoke": func(ctx context.Context, c *guarded) error {
			return edit(iamrole.Revoke(ctx, c, "there", grant("checkout"), iamrole.Config{}))
		},
		"iamrole.EditTrust": func(ctx context.Context, c *guarded) error {
			to := func(p *trust.Policy) error {
				return edit(iamrole.EditTrust(ctx, c, "there", func(*trust.Policy) (*trust.Policy, error) { return p, nil }, iamrole.Config{}))
			}
			return errors.Join(to(another), to(large))
		},
		"iamrole.Quota": func(ctx context.Context, c *guarded) error { _, err := iamrole.Quota(ctx, c); return err },
		"iamrole.Delete": func(ctx context.Context, c *guarded) error {
			_, err := iamrole.Delete(ctx, c, "there", iamrole.DeleteConfig{Owner: full.Tags})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // waiting for IAM takes no time
				account, err := trusttest.NewAccount(trusttest.Config{})
				require.NoError(t, err)
				defer account.Close()
				there := full
				there.Name = "there"
				_, err = iamrole.Ensure(t.Context(), iam.NewFromConfig(account.AWSConfig()), there, iamrole.Config{})
				require.NoError(t, err)
				allowed, err := actionsOf(name)
				require.NoError(t, err)
				client := newGuarded(account, allowed)
				require.NoError(t, do(t.Context(), client))
				slices.Sort(client.used)
				unused := slices.DeleteFunc(allowed, func(a string) bool { return slices.Contains(client.used, a) })
				assert.Subset(t, rare[name], unused)
			})
		})
	}
}

// rare is what only happens when something is not as it was: a role in another account or of another
// case, a policy that is large.
var rare = map[string][]string{
	"iamrole.Ensure": {"iam:DeleteRole", "iam:ListRoles", "iam:GetAccountSummary"},
	"iamrole.Revoke": {"iam:GetAccountSummary"},
}

// edit is content with a policy that would be too large: by then the quota was asked for.
func edit(_ iamrole.Edit, err error) error {
	if size := (*trust.SizeError)(nil); errors.As(err, &size) {
		return nil
	}
	return err
}

func TestPermissionsAreOneStatementForEachKindOfResource(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := irsa(t, "", "permissions", "podidentity.Ensure", "--account", "111122223333", "--roles", "irsa/*", "--cluster", "blue")
	require.Zero(t, code, stderr)
	for _, text := range []string{"role/irsa/*", `"iam:PassedToService": "pods.eks.amazonaws.com"`, "arn:aws:eks:*:111122223333:cluster/blue", "podidentityassociation/blue/*"} {
		assert.Contains(t, stdout, text)
	}
	code, _, stderr = irsa(t, "", "permissions", "iamrole.Nothing", "--account", "111122223333")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, `unknown function "iamrole.Nothing"`)
}

// The page has the policy of every job.
func TestThePageOfPermissionsIsWhatTheListSays(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# IAM permissions\n\nWritten by `go test ./examples/irsa -update`. What callers of the library's functions need, from the list that\n" +
		"their documentation is held to. `irsa permissions FUNCTION... --account ID` prints a policy for several, and\n" +
		"`--roles`, `--cluster` and `--partition` narrow it. In a pod, `token` needs nothing: the token speaks for itself.\n\n" +
		"Whoever may call `iamrole.Ensure` can make roles that may do anything. Narrow it by `--roles irsa/*`, and by a\n" +
		"condition on `iam:PermissionsBoundary`.\n")
	for _, j := range jobs {
		actions, err := actionsOf(j.name)
		require.NoError(t, err)
		policy, err := json.MarshalIndent(scope{"aws", "111122223333", "*", "*", "*"}.policy(actions), "", "  ")
		require.NoError(t, err)
		fmt.Fprintf(&b, "\n## %s\n\n```json\n%s\n```\n", j.name, policy)
	}
	generated(t, "PERMISSIONS.md", b.String())
}
