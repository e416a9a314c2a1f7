package token

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// localRows are errors for which no service had the chance to answer.
var localRows = []row{
	{
		code: CodeTokenEmpty, cause: CauseToken, retry: RetryBackoff, unsent: true,
		meaning: "the token source gave an empty token",
		next:    []string{"who writes the token file: the kubelet swaps it whole, so it is never empty"},
		is:      []match{{err: is(ErrEmptyToken)}},
	}, {
		code: CodeTokenMalformed, cause: CauseToken, retry: RetryNewToken, unsent: true,
		meaning: "what the token source gave is not a JWT, so it was not sent",
		next:    []string{"what the token source gives: a projected service account token"},
		is:      []match{{err: isMalformed}},
	}, {
		code: CodeTokenFileMissing, cause: CauseToken, retry: RetryBackoff, unsent: true,
		meaning: "the token file does not exist",
		next: []string{
			"AWS_WEB_IDENTITY_TOKEN_FILE against the path that the token's volume is mounted at",
			"that this container has the mount: an injected sidecar or a container left out by an annotation does not",
			"with EKS Pod Identity, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE in the same way",
		},
		is: []match{{err: isMissingFile}},
	}, {
		code: CodeTokenFileUnreadable, cause: CauseToken, retry: RetryBackoff, unsent: true,
		meaning: "the token file exists, but this process may not read it",
		next: []string{
			"whether the process has changed its uid: the kubelet gives the file to the uid of the pod's containers",
			"whether this is a debug container that runs as another uid",
			"fsGroup in the pod's security context, which makes the file readable for that group",
		},
		is: []match{{err: isUnreadableFile}},
	}, {
		code: CodeRegionMissing, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the STS client has no region, and one is never guessed",
		next:    []string{"AWS_REGION in the pod, or the region of the client's configuration"},
		is:      []match{{err: isMissingRegion}},
	}, {
		code: CodeCertificateUntrusted, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "the server shows a certificate that this process does not trust",
		next: []string{
			"the certificate authorities in the container image: a minimal image may have none",
			"a proxy on the way that opens TLS",
			"the clock of the node, where the certificate is said to have expired or not to be valid yet",
		},
		is: []match{{err: isUntrustedCertificate}},
	}, {
		code: CodeCredentialsStale, cause: CauseTransient, retry: RetryBackoff,
		meaning: "by this machine's clock the credentials had already expired when they came; they are served all the same",
		next: []string{
			"the clock of the node: AWS goes by its own",
			"whether what gives the credentials, such as an agent on the node, reaches AWS: cut off, it hands out old ones",
		},
		is: []match{{err: is(ErrStaleCredentials)}},
	}, {
		code: CodeDNSTimeout, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "the DNS server did not answer in time",
		next: []string{
			"the cluster's DNS: its pods, their load, and the node-local cache where there is one",
			"whether a network policy lets the pod reach it, over UDP and TCP",
		},
		is: []match{{err: isDNS(true)}},
	}, {
		code: CodeHostUnknown, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "the name of the service's host does not resolve",
		next: []string{
			"the region: a wrong one makes a host that does not exist",
			"AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT: not every region has such a host",
			"HTTPS_PROXY, where the host is that of a proxy",
			"the cluster's DNS, and whether a network policy lets the pod reach it",
		},
		is: []match{{err: isDNS(false)}},
	}, {
		code: CodeTimeout, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "no answer came in time",
		next: []string{
			"network policies and security groups between the pod and the host",
			"in the case of STS its VPC endpoint, where the subnet has no way to the internet",
		},
		is: []match{{err: isTimeout}},
	}, {
		code: CodeConnectionFailed, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "the connection could not be made or broke off",
		next: []string{
			"network policies, the proxy settings and the route from the pod to the host",
			"in the case of STS AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_STS",
		},
		is: []match{{err: isConnection}},
	},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isMalformed(err error) bool {
	var malformed *MalformedTokenError
	return errors.As(err, &malformed)
}

// fromIdentityTokenFile is how stscreds' own provider begins the error of a file it could not
// read; the cause is not wrapped there.
const fromIdentityTokenFile = "failed to retrieve jwt from provide source"

func isMissingFile(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && isOfTokenFile(err) ||
		containsAll(err.Error(), fromIdentityTokenFile, "no such file or directory")
}

func isUnreadableFile(err error) bool {
	return errors.Is(err, fs.ErrPermission) && isOfTokenFile(err) ||
		containsAll(err.Error(), fromIdentityTokenFile, "permission denied")
}

// isOfTokenFile is an error of a File, or of a Source that reads one by itself. A program has other
// files too, such as those of a profile.
func isOfTokenFile(err error) bool {
	var file *fileError
	var from *Error
	return errors.As(err, &file) || errors.As(err, &from) && from.Op == opReadToken && !isConnection(err)
}

func isMissingRegion(err error) bool {
	var missing *aws.MissingRegionError
	return errors.Is(err, ErrNoRegion) || errors.As(err, &missing) || strings.Contains(err.Error(), "Invalid Configuration: Missing Region")
}

func isUntrustedCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

func isDNS(timedOut bool) func(error) bool {
	return func(err error) bool {
		var dns *net.DNSError
		return errors.As(err, &dns) && dns.IsTimeout == timedOut
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) { // what a request failed with before the caller's deadline
		err = send
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

func isConnection(err error) bool {
	// Not net.Error: every error number is one, that of a missing file too.
	var op *net.OpError
	var request *url.Error
	var send *smithyhttp.RequestSendError
	return errors.As(err, &op) || errors.As(err, &request) || errors.As(err, &send)
}

// isWithoutIdentity recognizes an environment without an identity, or the SDK's attempt to become
// the node: this is what happens in a pod that was not mutated.
func isWithoutIdentity(err error) bool {
	return errors.Is(err, ErrNoIdentity) || innermost(err) == "ec2imds" || strings.Contains(err.Error(), "no EC2 IMDS role found")
}

func isUnreachableAgent(err error) bool {
	return isOfEndpoint(err) && (isConnection(err) || isTimeout(err))
}

func containsAll(s string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}
