package oidctest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/irsa-go/irsa/oidc"
)

// handler serves what kube-apiserver serves, at the issuer's own paths.
func (s *Server) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := s.currentFault()
		if fault.Latency > 0 {
			timer := time.NewTimer(fault.Latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case fault.RedirectTo != "":
			http.Redirect(w, r, fault.RedirectTo, http.StatusFound)
		case fault.Status != 0:
			http.Error(w, http.StatusText(fault.Status), fault.Status)
		case fault.EndlessBody:
			endless(w)
		default:
			s.answer(w, r, fault)
		}
	})
}

// endless ends with the connection.
func endless(w http.ResponseWriter) {
	chunk := []byte(strings.Repeat(" ", 4096))
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, fault Fault) {
	if r.Method != http.MethodGet {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	at := "https://" + r.Host + r.URL.RequestURI()
	switch {
	case sameURL(at, s.issuer.DiscoveryURL()):
		s.serveDocument(w, fault)
	case sameURL(at, s.jwksURI):
		s.serveKeys(w, r, fault)
	default:
		http.NotFound(w, r)
	}
}

// sameURL does not mind a written default port.
func sameURL(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && addrOf(ua) == addrOf(ub) && ua.RequestURI() == ub.RequestURI()
}

// serveDocument has the members that kube-apiserver has, and no others.
func (s *Server) serveDocument(w http.ResponseWriter, fault Fault) {
	doc, err := oidc.NewDocument(s.issuer, s.jwksURI, s.KeySet())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	doc.AuthorizationEndpoint, doc.Claims = "", nil
	if fault.JWKSURI != "" {
		doc.JWKSURI = fault.JWKSURI
	}
	body, err := json.Marshal(doc)
	if fault.Document != "" {
		body = []byte(fault.Document)
	}
	if err == nil && fault.WrongIssuer != "" {
		body, err = withIssuer(body, fault.WrongIssuer)
	}
	reply(w, "application/json", body, err)
}

// withIssuer puts in what need not be a valid issuer.
func withIssuer(doc []byte, issuer string) ([]byte, error) {
	var members map[string]any
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, err
	}
	members["issuer"] = issuer
	return json.Marshal(members)
}

// serveKeys answers 406 to a client that accepts plain JSON alone, as kube-apiserver does.
func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request, fault Fault) {
	const mediaType = "application/jwk-set+json"
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept != "" && !strings.Contains(accept, "*/*") && !strings.Contains(accept, "application/*") && !strings.Contains(accept, mediaType) {
		http.Error(w, "406: Not Acceptable", http.StatusNotAcceptable)
		return
	}
	body, err := json.Marshal(s.KeySet())
	if fault.KeySet != "" {
		body = []byte(fault.KeySet)
	}
	reply(w, mediaType, body, err)
}

func reply(w http.ResponseWriter, mediaType string, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(body) // the client may be gone
}
