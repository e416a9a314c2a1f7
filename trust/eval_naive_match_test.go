package trust_test

import (
	"net"
	"strconv"
	"strings"
	"time"
)

func naiveMatch(base, want, got string, ctx naiveContext, variables bool) string {
	stringy := strings.HasPrefix(base, "String") || strings.HasPrefix(base, "Arn")
	if variables && strings.Contains(want, "${") {
		if !stringy {
			return "?"
		}
		// Every special character that comes out of a variable is marked, so that it stays literal.
		for strings.Contains(want, "${") {
			before, rest, _ := strings.Cut(want, "${")
			inner, after, closed := strings.Cut(rest, "}")
			text, ok := naiveVariable(inner, ctx)
			if !closed || !ok {
				return "?"
			}
			want = before + text + after
		}
	}
	switch strings.Replace(base, "Not", "", 1) {
	case "StringEquals":
		return naiveBool(naiveUnmark(want) == got)
	case "StringEqualsIgnoreCase":
		return naiveBool(strings.EqualFold(naiveUnmark(want), got))
	case "StringLike":
		return naiveBool(naiveLike(want, got))
	case "ArnEquals", "ArnLike":
		w, g := strings.SplitN(want, ":", 6), strings.SplitN(got, ":", 6)
		if len(w) != 6 || len(g) != 6 {
			return "?"
		}
		for i := range w {
			if !naiveLike(w[i], g[i]) {
				return "no"
			}
		}
		return "yes"
	case "Bool":
		want, got = strings.ToLower(want), strings.ToLower(got)
		if want != "true" && want != "false" || got != "true" && got != "false" {
			return "?"
		}
		return naiveBool(want == got)
	case "IpAddress":
		ip := net.ParseIP(got)
		_, block, err := net.ParseCIDR(want)
		if err != nil {
			if net.ParseIP(want) == nil || ip == nil {
				return "?"
			}
			return naiveBool(net.ParseIP(want).Equal(ip))
		}
		if ip == nil {
			return "?"
		}
		return naiveBool(block.Contains(ip))
	}
	return naiveOrdered(strings.Replace(base, "Not", "", 1), want, got)
}

func naiveOrdered(base, want, got string) string {
	var w, g float64
	var err1, err2 error
	if rest, ok := strings.CutPrefix(base, "Date"); ok {
		base = rest
		w, err1 = naiveDate(want)
		g, err2 = naiveDate(got)
	} else {
		base = strings.TrimPrefix(base, "Numeric")
		w, err1 = strconv.ParseFloat(want, 64)
		g, err2 = strconv.ParseFloat(got, 64)
	}
	if err1 != nil || err2 != nil {
		return "?"
	}
	return naiveBool(map[string]bool{
		"Equals": g == w, "LessThan": g < w, "LessThanEquals": g <= w, "GreaterThan": g > w, "GreaterThanEquals": g >= w,
	}[base])
}

// naiveDate takes a point in time or seconds since 1970.
func naiveDate(s string) (float64, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return float64(t.Unix()), nil
	}
	return strconv.ParseFloat(s, 64)
}

// naiveMarks stand for characters that are literal wherever they end up.
var naiveMarks = [][2]string{{"*", "\x01"}, {"?", "\x02"}, {"$", "\x03"}}

func naiveMark(s string) string {
	for _, m := range naiveMarks {
		s = strings.ReplaceAll(s, m[0], m[1])
	}
	return s
}

func naiveUnmark(s string) string {
	for _, m := range naiveMarks {
		s = strings.ReplaceAll(s, m[1], m[0])
	}
	return s
}

func naiveVariable(inner string, ctx naiveContext) (string, bool) {
	if inner == "*" || inner == "?" || inner == "$" {
		return naiveMark(inner), true
	}
	key, fallback, hasDefault := strings.Cut(inner, ",")
	for _, many := range []string{":amr", ":oaud", "tagkeys"} { // a list is not a variable
		if strings.HasSuffix(strings.ToLower(strings.TrimSpace(key)), many) {
			return "", false
		}
	}
	got := ctx.keys[strings.ToLower(strings.TrimSpace(key))]
	switch {
	case len(got) == 1:
		return naiveMark(got[0]), true
	case len(got) == 0 && hasDefault:
		return naiveMark(strings.Trim(strings.TrimSpace(fallback), "'")), true
	}
	return "", false
}

// naiveLike tries every place of every star.
func naiveLike(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	p, runes := []rune(pattern), []rune(s)
	switch p[0] {
	case '*':
		for i := 0; i <= len(runes); i++ {
			if naiveLike(string(p[1:]), string(runes[i:])) {
				return true
			}
		}
		return false
	case '?':
		return len(runes) > 0 && naiveLike(string(p[1:]), string(runes[1:]))
	}
	return len(runes) > 0 && naiveUnmark(string(p[0])) == string(runes[0]) && naiveLike(string(p[1:]), string(runes[1:]))
}
