package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/language"
)

// anyAccount stands for every account that the policies do not name.
const anyAccount = "999999999999"

// awsCaller is an IAM principal: a certain one, or any of a kind in an account.
type awsCaller struct {
	call AssumeRoleSession
	// any is what the ARN of one of a kind begins with, "arn:aws:iam::ACCOUNT:role/".
	any string
	// roles are what the role of the session may be, when it is not known but for its name.
	roles language.Union
	// named are the ARNs that the policies name: it has none of these when it is any of a kind.
	named []string
	// accounts and ids are those that the policies name.
	accounts, ids []string
	// open leaves out the role of the session, or the unique id of a caller.
	open bool
}

// awsCallers returns the principals that the policies can tell apart by their Principal: each one
// named, and for each account named and another one any role and user.
// A bare account id is of any of the partitions.
func awsCallers(principals, partitions []string) []awsCaller {
	var accounts, ids, arns []string
	for _, p := range principals {
		a, err := arn.Parse(p)
		switch {
		case arn.CheckAccountID(p) == nil:
			for _, name := range partitions {
				accounts = append(accounts, "arn:"+name+":iam::"+p+":")
			}
		case isUniqueID(p):
			ids = append(ids, p)
		case err == nil && arn.CheckAccountID(a.AccountID) == nil:
			accounts = append(accounts, "arn:"+a.Partition+":iam::"+a.AccountID+":")
			if isCaller(a) {
				arns = append(arns, p)
			}
		}
	}
	callers := namedCallers(arns, principals)
	for _, account := range unique(append(accounts, "arn:aws:iam::"+anyAccount+":")) {
		callers = append(callers, accountCallers(account, principals)...)
	}
	for i := range callers {
		callers[i].accounts = unique(accounts)
	}
	return identified(callers, unique(ids))
}

// namedCallers returns the callers of the ARNs, and the sessions among the principals with each
// role that they may be of.
func namedCallers(arns, principals []string) (callers []awsCaller) {
	roles := map[string][]string{} // by the beginning of a session's ARN
	for _, p := range arns {
		call := callOf(p)
		callers = append(callers, withAndWithoutRole(call, "", principals)...)
		if call.RoleARN != "" {
			session := strings.TrimSuffix(call.PrincipalARN, "x")
			roles[session] = append(roles[session], call.RoleARN)
		}
	}
	for _, p := range principals {
		before, rest, ok := strings.Cut(p, ":assumed-role/")
		if name, _, _ := strings.Cut(rest, "/"); ok {
			any := strings.Replace(before, ":sts:", ":iam:", 1) + ":role/"
			for _, role := range append(roles[before+":assumed-role/"+name+"/"], any+"any-other/"+name) {
				callers = append(callers, withAndWithoutRole(AssumeRoleSession{PrincipalARN: p, RoleARN: role}, "", principals)...)
			}
			callers[len(callers)-2].roles = language.Union{language.Literal(any + name), language.Glob(any + "?*/" + name)}
		}
	}
	return callers
}

// accountCallers returns any role and user of an account.
func accountCallers(account string, principals []string) (callers []awsCaller) {
	for _, any := range []string{account + "role/", account + "user/"} {
		callers = append(callers, withAndWithoutRole(callOf(any+"any-other"), any, principals)...)
	}
	return callers
}

// withAndWithoutRole returns the caller, and if it is a session the one whose role is not known.
func withAndWithoutRole(call AssumeRoleSession, any string, principals []string) []awsCaller {
	callers := []awsCaller{{call: call, any: any, named: principals}}
	if call.RoleARN != "" {
		call.RoleARN = ""
		callers = append(callers, awsCaller{call: call, any: any, open: true})
	}
	return callers
}

// identified gives each caller each of the unique ids that the policies name, another one, and
// none.
func identified(callers []awsCaller, ids []string) []awsCaller {
	if len(ids) == 0 {
		return callers
	}
	var list []awsCaller
	for _, c := range callers {
		for _, id := range append(slices.Clip(ids), "AROAOTHEROTHEROTHER99", "") {
			c.call.PrincipalID, c.ids = id, ids
			c.open = c.open || id == ""
			list = append(list, c)
		}
	}
	return list
}

// callOf is how the principal of an ARN calls: a role by one of its sessions.
func callOf(principal string) AssumeRoleSession {
	before, role, ok := strings.Cut(principal, ":role/")
	if !ok {
		return AssumeRoleSession{PrincipalARN: principal}
	}
	return AssumeRoleSession{RoleARN: principal,
		PrincipalARN: stsOf(before) + ":assumed-role/" + role[strings.LastIndex(role, "/")+1:] + "/x"}
}

// others are patterns for the callers that scenes of their own are about.
func (c awsCaller) others() (patterns []string) {
	for _, name := range c.named {
		if !strings.ContainsAny(name, "*?") {
			patterns = append(patterns, name)
		}
	}
	if c.isElsewhere() {
		for _, account := range c.accounts {
			patterns = append(patterns, account+"*")
		}
	}
	return patterns
}

// accountIDs are those of the accounts that the policies name.
func (c awsCaller) accountIDs() (ids []string) {
	for _, account := range c.accounts {
		ids = append(ids, strings.Split(account, ":")[4])
	}
	return ids
}

// anywhere is the ARNs of the kind in whatever account.
func (c awsCaller) anywhere() language.Union {
	_, resource, _ := strings.Cut(c.any, anyAccount+":")
	b := language.Builder{ARN: true}
	b.Glob("arn:*:iam::*:" + resource + "?*")
	return language.Union{b.Pattern()}
}

func (c awsCaller) scene(s session) scene {
	base := c.ask(s, nil).r
	base.actions = s.actions(actionAssumeRole)
	return scene{
		base: base, open: c.open, name: c.name(), any: c.is, session: s,
		domain: func(key string) domain {
			if d, ok := s.domain(key); ok {
				return d
			}
			return c.domain(key, base)
		},
		build: func(values keyValues) *request { return settle(c.ask(s, values), values) },
	}
}

// ask is the caller's request in which some keys have been chosen.
func (c awsCaller) ask(s session, values keyValues) Request {
	call := c.call
	if values["aws:principalarn"] != nil {
		switch {
		case c.roles != nil:
			call.RoleARN = values.first("aws:principalarn")
		case c.any != "":
			call = callOf(values.first("aws:principalarn"))
			call.PrincipalID = c.call.PrincipalID
		}
	}
	if id := values.first("aws:userid"); c.call.PrincipalID != "" && id != "" {
		call.PrincipalID = id
	}
	call.ExternalID = values.first("sts:externalid")
	call.SessionTags = s.tagsOf(values)
	call.TransitiveTagKeys = values[keyTransitive]
	call.SourceIdentity = s.identityOf(values)
	return AssumeRole(call)
}

// domain is what a key may be in a request of the caller; base is one of its requests.
func (c awsCaller) domain(key string, base *request) domain {
	switch {
	case key == "aws:userid" && c.call.PrincipalID != "" && !slices.Contains(c.ids, c.call.PrincipalID):
		d := domain{must: true, filled: true, values: []string{c.call.PrincipalID}, except: slices.Clone(c.ids)}
		for _, id := range c.ids {
			d.except = append(d.except, id+":*")
		}
		return d
	case key == "aws:userid" && c.call.PrincipalID != "":
		return domain{must: true, within: language.Union{language.Literal(c.call.PrincipalID), language.Glob(c.call.PrincipalID + ":?*")}}
	case key == "sts:externalid":
		return domain{rare: true, filled: true, values: []string{"xx"}, likely: language.Words()}
	case key == "aws:principalarn":
		return c.arnDomain(base)
	case key == "aws:principalaccount" && c.isElsewhere():
		return domain{must: true, except: c.accountIDs(), within: language.Digits(12)}
	}
	return domainOf(base, key)
}

func (c awsCaller) arnDomain(base *request) domain {
	if _, p := base.lookup("aws:principalarn"); p == unknown {
		return domain{fixed: true, open: true}
	}
	d := domain{must: true, except: c.others()}
	switch {
	case c.roles != nil:
		d.within = c.roles
	case c.isElsewhere():
		d.within, d.likely = c.anywhere(), language.Beginning(c.any)
	case c.any != "":
		d.within = language.Beginning(c.any)
	default:
		return domainOf(base, "aws:principalarn")
	}
	return d
}

// isElsewhere says whether the caller stands for those of all accounts that the policies do not
// name.
func (c awsCaller) isElsewhere() bool { return strings.Contains(c.any, anyAccount) }
