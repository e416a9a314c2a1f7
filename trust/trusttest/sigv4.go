package trusttest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Signature Version 4 in the Authorization header
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).

const (
	signingAlgorithm = "AWS4-HMAC-SHA256"
	signingTime      = "20060102T150405Z"
	// maxSkew is how far a signature's time may be from the server's
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
	maxSkew = 15 * time.Minute
)

// signature is what an Authorization header says.
type signature struct {
	accessKeyID string
	date        string // the day, first part of the scope
	region      string
	service     string
	headers     []string // lower case, sorted
	value       string
}

// parseSignature takes the header apart; the empty reason means that it is well-formed.
func parseSignature(header string) (s signature, reason string) {
	rest, ok := strings.CutPrefix(header, signingAlgorithm+" ")
	if !ok {
		return signature{}, "Authorization header requires 'Credential' parameter, algorithm " + signingAlgorithm + " and no other"
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			return signature{}, "Authorization header requires '" + name + "' parameter."
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || slices.Contains(scope, "") {
		return signature{}, "Credential must have 5 slash-delimited elements that end in aws4_request."
	}
	s = signature{
		accessKeyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		headers: strings.Split(fields["SignedHeaders"], ";"),
		value:   fields["Signature"],
	}
	if !slices.Contains(s.headers, "host") || !slices.IsSorted(s.headers) {
		return signature{}, "'Host' must be a signed header, and signed headers must be sorted."
	}
	return s, ""
}

// verify says whether the holder of the secret signed this request. The body is hashed here:
// what the request says of its own hash counts for nothing.
func (s signature) verify(r *http.Request, body []byte, secret string) bool {
	stamp := r.Header.Get("X-Amz-Date")
	scope := strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
	hash := sha256.Sum256(s.canonicalRequest(r, body))
	toSign := strings.Join([]string{signingAlgorithm, stamp, scope, hex.EncodeToString(hash[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		key = mac(key, part)
	}
	want := hex.EncodeToString(mac(key, toSign))
	return hmac.Equal([]byte(want), []byte(s.value))
}

func (s signature) canonicalRequest(r *http.Request, body []byte) []byte {
	hash := sha256.Sum256(body)
	var b []byte
	b = fmt.Appendf(b, "%s\n%s\n%s\n", r.Method, canonicalPath(r.URL), canonicalQuery(r.URL))
	for _, name := range s.headers {
		b = fmt.Appendf(b, "%s:%s\n", name, headerValue(r, name))
	}
	return fmt.Appendf(b, "\n%s\n%s", strings.Join(s.headers, ";"), hex.EncodeToString(hash[:]))
}

// canonicalPath encodes once more what the request line has, as for all services but S3.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = percentEncode(segment)
	}
	return strings.Join(segments, "/")
}

func canonicalQuery(u *url.URL) string {
	var pairs []string
	for name, values := range u.Query() {
		for _, value := range values {
			pairs = append(pairs, percentEncode(name)+"="+percentEncode(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// headerValue joins repeated headers and folds white space.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host // net/http takes it out of the header
	case "content-length":
		if r.ContentLength >= 0 && r.Header.Get("Content-Length") == "" {
			return fmt.Sprint(r.ContentLength)
		}
	}
	var values []string
	for _, value := range r.Header.Values(name) {
		values = append(values, strings.Join(strings.Fields(value), " "))
	}
	return strings.Join(values, ",")
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// percentEncode leaves the unreserved characters of RFC 3986 §2.3 alone and encodes the rest.
func percentEncode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
