package iamrole_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
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
