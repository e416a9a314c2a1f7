package trust

// Admission says that a policy admits somebody.
type Admission struct {
	// Subject is the subject that is admitted.
	Subject Subject
	// Path is the JSON pointer of the first statement that admits it.
	Path string
	// Unproven says that the admission depends on something that the subject and the audience do
	// not tell, such as another claim or the caller's address.
	Unproven bool
}

// Who returns those of the subjects that a policy admits with a token of the provider for one of
// the audiences; no audience: sts.amazonaws.com. Where the answer is not certain it names the
// subject, as an audit must; Allows then says no. The result has the order of the list.
func (p *Policy) Who(provider Provider, among []Subject, audiences ...string) []Admission {
	var admitted []Admission
	for _, sub := range among {
		if a, ok := p.admission(provider, sub, Grant{Audiences: audiences}.audiences()); ok {
			admitted = append(admitted, a)
		}
	}
	return admitted
}

func (p *Policy) admission(provider Provider, sub Subject, audiences []string) (Admission, bool) {
	if provider.IsZero() || sub.IsZero() {
		return Admission{}, false
	}
	var a Admission
	for _, aud := range audiences {
		s := p.admitting(tokenOf(provider, sub.text, aud), actionWebIdentity)
		if s == nil {
			continue
		}
		certain := p.Allows(WebIdentity(provider, Claims{"sub": sub.text, "aud": aud}))
		if a.Path == "" || a.Unproven && certain {
			a = Admission{Subject: sub, Path: s.pointer, Unproven: !certain}
		}
	}
	return a, a.Path != ""
}
