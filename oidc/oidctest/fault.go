package oidctest

import "time"

// Fault is how a Server misbehaves; faults combine. The zero value is a healthy server.
// What concerns TLS begins with the next connection, the rest with the next request or token.
type Fault struct {
	// MisorderedChain sends the intermediate CAs in the wrong order, so that the last
	// certificate is not the top one. Clients that build their own chain still verify it.
	MisorderedChain bool
	// DuplicatedChain sends the server's certificate twice.
	DuplicatedChain bool
	// SuperfluousChain sends, last, a CA certificate that issued none of the others.
	SuperfluousChain bool
	// IncompleteChain sends the server's certificate alone.
	IncompleteChain bool
	// ExpiredChain sends a server's certificate that has expired.
	ExpiredChain bool
	// TLS13Only refuses clients that do not offer TLS 1.3.
	TLS13Only bool

	// Latency is waited before every answer, unless the client goes away.
	Latency time.Duration
	// Status, when not 0, is the status of every answer, such as 500.
	Status int
	// RedirectTo, when not "", is where every request is redirected.
	RedirectTo string
	// EndlessBody makes every answer go on until the client closes.
	EndlessBody bool

	// WrongIssuer is what the discovery document calls itself instead; "" is the truth.
	// Tokens keep the right iss.
	WrongIssuer string
	// JWKSURI is what the discovery document says of the keys instead; "" is the truth.
	JWKSURI string
	// Document and KeySet are what is served as the discovery document and as the key set
	// instead, whatever they say; "" is the truth.
	Document, KeySet string
	// UnknownKeyID mints tokens that name a key that is not served.
	UnknownKeyID bool
}

// SetFault makes the server misbehave from now on; the zero Fault makes it healthy again.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *Server) currentFault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}
