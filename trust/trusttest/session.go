package trusttest

import (
	"crypto/subtle"
	"net/http"
	"time"
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
}

func (s session) isAdministrator() bool { return s.accessKeyID != "" && s.token == "" }

// authenticate finds out whose session a request is signed with. The refusals are those of
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html.
func (a *Account) authenticate(r *http.Request, body []byte, service string) (session, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return session{}, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	sig, reason := parseSignature(header)
	if reason != "" {
		return session{}, refuse(http.StatusBadRequest, "IncompleteSignature", "%s", reason)
	}
	at, err := time.Parse(signingTime, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return session{}, refuse(http.StatusBadRequest, "IncompleteSignature", "Date must be in ISO-8601 'basic format'.")
	}
	who, ok := a.sessionOf(sig.accessKeyID, r.Header.Get("X-Amz-Security-Token"))
	if !ok {
		return session{}, refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if err := a.checkScope(sig, at, service); err != nil {
		return session{}, err
	}
	if !sig.verify(r, body, who.secret) {
		return session{}, mismatch("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if !who.expires.IsZero() && !a.now().Before(who.expires) {
		return session{}, refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	return who, nil
}

func mismatch(message string) error {
	return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "%s", message)
}

// checkScope compares the signature's time and scope with what they must be. The texts are
// observed, e.g. https://github.com/aws/aws-cli/issues/4127 and
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html.
func (a *Account) checkScope(sig signature, at time.Time, service string) error {
	if sig.service != service {
		return mismatch("Credential should be scoped to correct service: '" + service + "'. ")
	}
	if sig.date != at.Format("20060102") {
		return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	machine := time.Now().UTC()
	if near(at, machine) || near(at, a.now()) {
		return nil
	}
	if at.Before(machine) {
		return mismatch("Signature expired: " + at.Format(signingTime) + " is now earlier than " +
			machine.Add(-maxSkew).Format(signingTime) + " (" + machine.Format(signingTime) + " - 15 min.)")
	}
	return mismatch("Signature not yet current: " + at.Format(signingTime) + " is still later than " +
		machine.Add(maxSkew).Format(signingTime) + " (" + machine.Format(signingTime) + " + 15 min.)")
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= maxSkew }

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
func (a *Account) newSession(r *role, name string, expires time.Time) session {
	s := session{
		accessKeyID: a.newID("ASIA", 16),
		secret:      newSecret(30),
		token:       newSecret(264),
		arn:         a.arn("sts", "assumed-role/"+r.name+"/"+name),
		userID:      r.id + ":" + name,
		roleARN:     r.arn,
		expires:     expires,
	}
	a.state.sessions[s.accessKeyID] = s
	return s
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
