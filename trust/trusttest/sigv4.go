package trusttest

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Signature Version 4, in the Authorization header or in the query
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).

const (
	signingAlgorithm = "AWS4-HMAC-SHA256"
	signingTime      = "20060102T150405Z"
	// maxSkew is how far a signature's time may be from the server's
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
	maxSkew = 15 * time.Minute
	// unsignedPayload stands for the hash of a body that the signature does not cover.
	unsignedPayload = "UNSIGNED-PAYLOAD"
)

// signature is what a request says of how it is signed.
type signature struct {
	presigned   bool // in the query
	accessKeyID string
	day         string // the first part of the scope
	region      string
	service     string
	headers     []string // lower case, sorted
	value       string
	stamp       string // the time, as it was written
	expires     string // seconds of validity, of a presigned request
	token       string // of the session
}

// readSignature finds the signature of a request. The refusals are those of
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html.
func readSignature(r *http.Request) (signature, error) {
	header, query := r.Header.Get("Authorization"), r.URL.Query()
	var s signature
	var fields map[string]string
	switch presigned := query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature"); {
	case presigned && header != "":
		return signature{}, incomplete("a request has one signature, in the Authorization header or in the query")
	case presigned:
		if query.Get("X-Amz-Algorithm") != signingAlgorithm {
			return signature{}, incomplete("X-Amz-Algorithm must be " + signingAlgorithm)
		}
		fields = map[string]string{"Credential": query.Get("X-Amz-Credential"), "SignedHeaders": query.Get("X-Amz-SignedHeaders"), "Signature": query.Get("X-Amz-Signature")}
		s = signature{presigned: true, stamp: query.Get("X-Amz-Date"), expires: query.Get("X-Amz-Expires"), token: query.Get("X-Amz-Security-Token")}
	case header == "":
		return signature{}, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	default:
		rest, ok := strings.CutPrefix(header, signingAlgorithm+" ")
		if !ok {
			return signature{}, incomplete("Authorization header requires 'Credential' parameter, algorithm " + signingAlgorithm + " and no other")
		}
		fields = map[string]string{}
		for field := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			fields[name] = value
		}
		s = signature{stamp: r.Header.Get("X-Amz-Date"), token: r.Header.Get("X-Amz-Security-Token")}
	}
	return s, s.take(fields)
}

func incomplete(reason string) error {
	return refuse(http.StatusBadRequest, "IncompleteSignature", "%s", reason)
}

// take checks the fields of a signature and keeps them.
func (s *signature) take(fields map[string]string) error {
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			return incomplete("Authorization requires '" + name + "' parameter.")
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || slices.Contains(scope, "") {
		return incomplete("Credential must have 5 slash-delimited elements that end in aws4_request.")
	}
	s.accessKeyID, s.day, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
	s.headers, s.value = strings.Split(fields["SignedHeaders"], ";"), fields["Signature"]
	if !slices.Contains(s.headers, "host") || !slices.IsSorted(s.headers) {
		return incomplete("'Host' must be a signed header, and signed headers must be sorted.")
	}
	return nil
}

// coversPayload says whether the signature is of the body too. S3 takes signatures that are
// not, and streams whose chunks are signed one by one
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func (s signature) coversPayload(r *http.Request) bool { return s.payloadWord(r) == "" }

// payloadWord returns what stands in place of the body's hash, "" for the hash.
func (s signature) payloadWord(r *http.Request) string {
	word := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case s.service != "s3":
		return ""
	case word == unsignedPayload, strings.HasPrefix(word, "STREAMING-"):
		return word
	case s.presigned && word == "":
		return unsignedPayload
	}
	return ""
}

// verify says whether the holder of the secret signed this request. A body that the signature
// covers is hashed here: what the request says of its own hash counts for nothing.
func (s signature) verify(r *http.Request, body []byte, secret string) bool {
	scope := []string{s.day, s.region, s.service, "aws4_request"}
	hash := sha256.Sum256(s.canonicalRequest(r, body))
	toSign := strings.Join([]string{signingAlgorithm, s.stamp, strings.Join(scope, "/"), hex.EncodeToString(hash[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range scope {
		key = mac(key, part)
	}
	want := hex.EncodeToString(mac(key, toSign))
	return hmac.Equal([]byte(want), []byte(s.value))
}

func (s signature) canonicalRequest(r *http.Request, body []byte) []byte {
	hash := sha256.Sum256(body)
	var b []byte
	b = fmt.Appendf(b, "%s\n%s\n%s\n", r.Method, s.canonicalPath(r.URL), canonicalQuery(r.URL))
	for _, name := range s.headers {
		b = fmt.Appendf(b, "%s:%s\n", name, headerValue(r, name))
	}
	return fmt.Appendf(b, "\n%s\n%s", strings.Join(s.headers, ";"), cmp.Or(s.payloadWord(r), hex.EncodeToString(hash[:])))
}

// canonicalPath encodes once more what the request line has, without relative and empty segments, as
// for all services but S3.
func (s signature) canonicalPath(u *url.URL) string {
	written := cmp.Or(u.EscapedPath(), "/")
	if s.service == "s3" {
		return written
	}
	clean := path.Clean("/" + written)
	if strings.HasSuffix(written, "/") && clean != "/" {
		clean += "/"
	}
	segments := strings.Split(clean, "/")
	for i, segment := range segments {
		segments[i] = percentEncode(segment)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery is sorted by name and then by value. It has all parameters but the signature.
func canonicalQuery(u *url.URL) string {
	var pairs [][2]string
	for name, values := range u.Query() {
		if name == "X-Amz-Signature" { // only a presigned request may have it
			continue
		}
		for _, value := range values {
			pairs = append(pairs, [2]string{percentEncode(name), percentEncode(value)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
	joined := make([]string, len(pairs))
	for i, pair := range pairs {
		joined[i] = pair[0] + "=" + pair[1]
	}
	return strings.Join(joined, "&")
}

// headerValue joins repeated headers and folds white space.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host // net/http takes it out of the header
	case "content-length":
		return fmt.Sprint(r.ContentLength) // a client's request has it nowhere else
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
func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
