package iamrole_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

var documentElement = regexp.MustCompile(`<AssumeRolePolicyDocument>[^<]*</AssumeRolePolicyDocument>`)

// rewrite answers GetRole with another trust policy than the account has, percent-encoded as
// IAM does.
type rewrite struct {
	inner    http.RoundTripper
	document string
}

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	encoded := "<AssumeRolePolicyDocument>" + url.PathEscape(r.document) + "</AssumeRolePolicyDocument>"
	text := documentElement.ReplaceAllLiteralString(string(body), encoded)
	res.Body, res.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return res, nil
}

// onePerPage asks for one item where the library leaves it to IAM how many there are.
type onePerPage struct{ *iam.Client }

func (o onePerPage) ListRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	in.MaxItems = aws.Int32(1)
	return o.Client.ListRolePolicies(ctx, in)
}

func (o onePerPage) ListAttachedRolePolicies(ctx context.Context, in *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	in.MaxItems = aws.Int32(1)
	return o.Client.ListAttachedRolePolicies(ctx, in)
}
