package trusttest

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-go/irsa/trust"
)

// session is somebody who can sign requests: the administrator, or an assumed role.
type session struct {
	accessKeyID string
	secret      string
	token       string // "" for the administrator
	arn         string
	userID      string
	roleARN     string // of an assumed role
	expires     time.Time
	taken       carried
}

// carried is what a session has from the request that opened it.
type carried struct {
	tags       tags
	transitive []string // keys of those tags that further sessions inherit
	source     string   // the source identity
}

// inherited are the tags that a role assumed from here has too
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining).
func (c carried) inherited() tags {
	return slices.DeleteFunc(slices.Clone(c.tags), func(one tag) bool {
		return !slices.ContainsFunc(c.transitive, func(key string) bool { return strings.EqualFold(key, one.Key) })
	})
}

func (s session) isAdministrator() bool { return s.accessKeyID != "" && s.token == "" }

// authenticate finds out whose session a request is signed with, for the service named; "" is
// any. The refusals are those of
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html.
func (a *Account) authenticate(r *http.Request, body []byte, service string) (session, signature, error) {
	fail := func(err error) (session, signature, error) { return session{}, signature{}, err }
	sig, err := readSignature(r)
	if err != nil {
		return fail(err)
	}
	at, err := time.Parse(signingTime, sig.stamp)
	if err != nil {
		return fail(incomplete("Date must be in ISO-8601 'basic format'."))
	}
	who, ok := a.sessionOf(sig.accessKeyID, sig.token)
	if !ok {
		return fail(refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."))
	}
	if service != "" && sig.service != service {
		return fail(mismatch("Credential should be scoped to correct service: '" + service + "'. "))
	}
	if err := a.checkTime(sig, at); err != nil {
		return fail(err)
	}
	if !sig.verify(r, body, who.secret) {
		return fail(mismatch("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."))
	}
	if !who.expires.IsZero() && !a.now().Before(who.expires) {
		return fail(refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"))
	}
	return who, sig, nil
}

func mismatch(message string) error {
	return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "%s", message)
}

// checkTime compares the signature's time with its scope and with the clock. The texts are
// observed, e.g. https://github.com/aws/aws-cli/issues/4127 and
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html.
func (a *Account) checkTime(sig signature, at time.Time) error {
	if sig.day != at.Format("20060102") {
		return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	valid, err := sig.validity()
	if err != nil {
		return err
	}
	machine := time.Now().UTC()
	if isWithin(machine, at, valid) || isWithin(a.now(), at, valid) {
		return nil
	}
	if at.Before(machine) {
		return mismatch("Signature expired: " + at.Format(signingTime) + " is now earlier than " +
			machine.Add(-valid).Format(signingTime) + " (" + machine.Format(signingTime) + " - " + strconv.Itoa(int(valid.Minutes())) + " min.)")
	}
	return mismatch("Signature not yet current: " + at.Format(signingTime) + " is still later than " +
		machine.Add(maxSkew).Format(signingTime) + " (" + machine.Format(signingTime) + " + 15 min.)")
}

// isWithin says whether a signature made at that time holds now.
func isWithin(now, at time.Time, valid time.Duration) bool {
	return at.Sub(now) <= maxSkew && now.Sub(at) <= valid
}

// validity is how long a signature holds. STS does not look at what a presigned request says of
// it (https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/token/token.go);
// other services want 1 second to 7 days
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
func (s signature) validity() (time.Duration, error) {
	if !s.presigned || s.service == "sts" {
		return maxSkew, nil
	}
	seconds, err := strconv.Atoi(s.expires)
	if err != nil || seconds < 1 || seconds > 7*24*60*60 {
		return 0, refuse(http.StatusBadRequest, "AuthorizationQueryParametersError", "X-Amz-Expires must be a number of 1 to 604800 seconds")
	}
	return time.Duration(seconds) * time.Second, nil
}

// sessionOf finds a key together with the session token that belongs to it.
func (a *Account) sessionOf(accessKeyID, token string) (session, bool) {
	who := a.admin
	if accessKeyID != who.accessKeyID {
		a.mu.Lock()
		who = a.state.sessions[accessKeyID]
		a.mu.Unlock()
	}
	same := subtle.ConstantTimeCompare([]byte(who.token), []byte(token)) == 1
	return who, who.accessKeyID != "" && same
}

// newSession makes and remembers the credentials of an assumed role. The caller holds a.mu.
func (a *Account) newSession(r *role, in assumption, request trust.Request) session {
	r.lastUsed = a.now()
	s := session{
		accessKeyID: a.newID("ASIA", 16),
		secret:      newSecret(30),
		token:       newSecret(264),
		arn:         a.arn("sts", "assumed-role/"+r.name+"/"+in.sessionName),
		userID:      r.id + ":" + in.sessionName,
		roleARN:     r.arn,
		expires:     a.now().Add(in.duration).Truncate(time.Second),
		taken:       carriedBy(request),
	}
	a.state.sessions[s.accessKeyID] = s
	return s
}

// principalTags are those of the session's role, and over them the session's own
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_know).
func (a *Account) principalTags(s session) tags {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.roleOf(s.roleARN); r != nil {
		return r.tags.with(s.taken.tags)
	}
	return s.taken.tags
}

// authorize lets the administrator do everything and a session what needs no permission of
// IAM's: permission policies are not evaluated here.
func (a *Account) authorize(c *call) error {
	if c.service.name == "sts" || c.caller.isAdministrator() {
		return nil
	}
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
	return accessDenied("User: %s is not authorized to perform: iam:%s because no identity-based policy allows the iam:%s action",
		c.caller.arn, c.action, c.action)
}
