package profile

// Template is what all accounts of a cloud give to pods: the texts of its Grant have references in
// the place of what an account says, and Values says how that is read. Package
// mutate/admissionpolicy writes it down as a policy.
type Template struct {
	Profile Profile
	Grant   Grant
	Values  []Value // in the order in which they are read
	// Needs are names of Values: an account in which they are all empty has no identity.
	// nil: every account has one.
	Needs []string
}

// Value is one annotation of an account.
type Value struct {
	Name string // by which texts refer to it
	Key  string
	// Default stands for an absent one, and with EmptyIsAbsent for an empty one.
	Default       string
	EmptyIsAbsent bool
	// Pattern is the RE2 regular expression of what it may be, by default too; Want is the same in
	// words.
	Pattern, Want string
}
