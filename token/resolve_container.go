package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// ecsHost is the host that a relative URI is of
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
const ecsHost = "169.254.170.2"

// isNodeLocal says whether credentials may be asked of a host over plain http: only what does not
// leave the node. The link-local addresses are those of the ECS agent and the EKS Pod Identity
// agent.
func isNodeLocal(host string) bool {
	if strings.EqualFold(host, "localhost") { // RFC 6761 §6.3: always loopback
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	if addr.IsLoopback() {
		return true
	}
	switch addr.String() {
	case ecsHost, "169.254.170.23", "fd00:ec2::23":
		return true
	}
	return false
}

func (res *Resolution) chooseContainer(env environment) error {
	res.Kind = Container
	raw, name := env.first(envRelativeURI, envFullURI)
	res.Reason = name + " is set, and there are neither static keys nor a web identity"
	if name == envRelativeURI {
		if !strings.HasPrefix(raw, "/") { // anything else would continue the host's name
			return fmt.Errorf("%s: it is %q, want a path that begins with a slash", name, raw)
		}
		raw = "http://" + ecsHost + raw
	}
	if err := checkEndpoint(raw); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	res.Endpoint = raw
	// The file comes first, as in the SDKs: it is what is rotated.
	if file := env.get(envAuthTokenFile); file != "" {
		res.AuthorizationFile = File(file)
	} else if token := env.get(envAuthToken); token != "" {
		res.authorization = &token
	}
	return nil
}

// checkEndpoint admits https to anywhere, and http to what is on the node. A hostname over http
// is refused without resolving it: what it resolves to may change.
func checkEndpoint(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("it is not a URL") // url.Error would quote all of it
	}
	host := u.Hostname()
	switch {
	case host == "":
		return errors.New("it has no host")
	case u.User != nil:
		return errors.New("it has a user, which would be sent along")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("its scheme is %q, want http or https", u.Scheme)
	case !isNodeLocal(host):
		return fmt.Errorf("its host is %q: over plain http only a loopback address, %s, 169.254.170.23 and fd00:ec2::23 are admitted", host, ecsHost)
	}
	return nil
}

// containerProvider asks a container's credentials endpoint.
type containerProvider struct {
	res  Resolution
	http endpointcreds.HTTPClient // one for all calls, as it holds connections
}

func (res Resolution) containerProvider() containerProvider {
	client := awshttp.NewBuildableClient()
	if !strings.HasPrefix(strings.ToLower(res.Endpoint), "https:") {
		// What must not leave the node must not go to a proxy either; HTTP_PROXY would catch
		// the link-local addresses.
		client = client.WithTransportOptions(func(t *http.Transport) { t.Proxy = nil })
	}
	return containerProvider{res, client}
}

func (p containerProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token, err := p.token(ctx)
	if err != nil {
		return aws.Credentials{}, &Error{Op: opReadToken, Err: err}
	}
	creds, err := endpointcreds.New(p.res.Endpoint, func(o *endpointcreds.Options) {
		o.APIOptions = append(o.APIOptions, withResponses)
		o.HTTPClient, o.AuthorizationToken = p.http, token
	}).Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, redact(err, token)
	}
	return creds, nil
}

// token is read at each refresh: the kubelet rotates it.
func (p containerProvider) token(ctx context.Context) (string, error) {
	switch {
	case p.res.AuthorizationFile != "":
		return p.res.AuthorizationFile.read(ctx)
	case p.res.authorization != nil:
		return *p.res.authorization, nil
	}
	return "", nil
}

func (p containerProvider) ProviderSources() []aws.CredentialSource {
	return []aws.CredentialSource{aws.CredentialSourceHTTP}
}

// staticProvider gives what the environment had. Its pointer keeps the secret from being printed.
type staticProvider struct{ creds *aws.Credentials }

func (p staticProvider) Retrieve(context.Context) (aws.Credentials, error) {
	if p.creds == nil {
		return aws.Credentials{}, Final(errors.New("the static keys are not known: use Resolve"))
	}
	return *p.creds, nil
}

func (p staticProvider) ProviderSources() []aws.CredentialSource {
	return []aws.CredentialSource{aws.CredentialSourceEnvVars}
}

// withResponses puts the response to an error of the container credentials endpoint. The SDK looks
// there for x-amz-retry-after, but its own errors of this endpoint do not have it
// (endpointcreds/internal/client and aws/retry of aws-sdk-go-v2 v1.48.0).
func withResponses(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("irsa:responses", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err != nil {
			err = &smithyhttp.ResponseError{Response: answerAlone(response), Err: err}
		}
		return out, metadata, err
	}), middleware.Before)
}
