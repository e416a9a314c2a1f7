package trusttest

import (
	"encoding/base64"
	"strconv"
)

// paging is what a caller asks of a list
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html).
type paging struct {
	from, size int
	invalid    bool
}

// paging reads Marker and MaxItems; 100 items are the default.
func (f *form) paging() paging {
	p := paging{size: f.number("MaxItems", 1, 1000, 100)}
	marker := f.text("Marker", limits{min: 1, max: 320, class: markerClass()})
	if marker == "" {
		return p
	}
	plain, err := base64.StdEncoding.DecodeString(marker)
	if err == nil {
		p.from, err = strconv.Atoi(string(plain))
	}
	p.invalid = err != nil || p.from < 0
	return p
}

// pathPrefix reads PathPrefix of ListRoles; "" matches every path.
func (f *form) pathPrefix() string {
	lim := limits{min: 1, max: 512, class: pathPrefixClass()}
	prefix := f.text("PathPrefix", lim)
	if prefix != "" && prefix[0] != '/' { // what a set of characters cannot say
		f.fault(prefix, "pathPrefix", "Member must satisfy regular expression pattern: "+lim.class.pattern, false)
	}
	return prefix
}

// pageMark is the end of every page.
type pageMark struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// cut returns one page of the items. A marker that no page gave is refused; the text is that
// of other implementations of the API and unproven.
func cut[T any](items []T, p paging) ([]T, pageMark, error) {
	if p.invalid {
		return nil, pageMark{}, validationError("Invalid Marker.")
	}
	from := min(p.from, len(items))
	to := min(from+p.size, len(items))
	mark := pageMark{IsTruncated: to < len(items)}
	if mark.IsTruncated {
		mark.Marker = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return items[from:to], mark, nil
}
