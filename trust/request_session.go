package trust

// Session is what a session takes over from the request that opens it.
type Session struct {
	// Tags are its session tags, by the names that were sent.
	Tags map[string]string
	// TransitiveTagKeys are the keys of the tags that further roles get too.
	TransitiveTagKeys []string
	// SourceIdentity is the source identity; "" when there is none.
	SourceIdentity string
}

// Session returns what the session would carry if the request were allowed. It says nothing
// about whether it is.
func (q Request) Session() Session {
	var s Session
	if q.r == nil {
		return s
	}
	if names, presence := q.r.lookup("aws:tagkeys"); presence == present {
		tags := map[string]string{}
		for _, name := range names.values() {
			if tag, presence := q.r.lookup("aws:requesttag/" + lowerASCII(name)); presence == present {
				tags[name] = tag.at(0)
			}
		}
		s.Tags = tags
	}
	if keys, presence := q.r.lookup("sts:transitivetagkeys"); presence == present {
		s.TransitiveTagKeys = keys.values()
	}
	if source, presence := q.r.lookup("sts:sourceidentity"); presence == present {
		s.SourceIdentity = source.at(0)
	}
	return s
}
