package trust

// Compact returns a smaller policy of the same meaning.
func (p *Policy) Compact() *Policy { return p }
