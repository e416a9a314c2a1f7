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
// named, and for each account named and another one any role, user and federated user, and root.
// A bare account id is of any of the partitions.
func awsCallers(principals, partitions []string) []awsCaller {
	var accounts, ids []string
	var callers []awsCaller
	roles := map[string][]string{} // by the beginning of a session's ARN
	add := func(call AssumeRoleSession, any string) {
		callers = append(callers, awsCaller{call: call, any: any, named: principals})
		if call.RoleARN != "" {
			call.RoleARN = ""
			callers = append(callers, awsCaller{call: call, any: any, open: true})
		}
	}
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
			call := callOf(p)
			add(call, "")
			if call.RoleARN != "" {
				session := strings.TrimSuffix(call.PrincipalARN, "x")
				roles[session] = append(roles[session], call.RoleARN)
			}
		}
	}
	for _, p := range principals { // a session: of which of the roles?
		before, rest, ok := strings.Cut(p, ":assumed-role/")
		if name, _, _ := strings.Cut(rest, "/"); ok {
			any := strings.Replace(before, ":sts:", ":iam:", 1) + ":role/"
			for _, role := range append(roles[before+":assumed-role/"+name+"/"], any+"any-other/"+name) {
				add(AssumeRoleSession{PrincipalARN: p, RoleARN: role}, "")
			}
			callers[len(callers)-2].roles = language.Union{language.Literal(any + name), language.Glob(any + "?*/" + name)}
		}
	}
	for _, account := range unique(append(accounts, "arn:aws:iam::"+anyAccount+":")) {
		root := awsCaller{call: AssumeRoleSession{PrincipalARN: account + "root"}}
		if strings.Contains(account, anyAccount) {
			root.any = account + "root"
		}
		callers = append(callers, root)
		for _, any := range []string{account + "role/", account + "user/", strings.Replace(account, ":iam:", ":sts:", 1) + "federated-user/"} {
			add(callOf(any+"any-other"), any)
		}
	}
	for i := range callers {
		callers[i].accounts = unique(accounts)
	}
	return identified(callers, unique(ids))
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
		PrincipalARN: strings.Replace(before, ":iam:", ":sts:", 1) + ":assumed-role/" + role[strings.LastIndex(role, "/")+1:] + "/x"}
}

// others are patterns for the callers that scenes of their own are about.
func (c awsCaller) others() (patterns []string) {
	for _, name := range c.named {
		if !strings.ContainsAny(name, "*?") {
			patterns = append(patterns, name)
		}
	}
	if strings.Contains(c.any, anyAccount) {
		for _, account := range c.accounts {
			patterns = append(patterns, account+"*", strings.Replace(account, ":iam:", ":sts:", 1)+"*")
		}
	}
	return patterns
}

func (c awsCaller) likely() language.Union {
	if strings.HasSuffix(c.any, "root") {
		return nil
	}
	return language.Beginning(c.any)
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
	if resource != "root" {
		resource += "?*"
	}
	b.Glob("arn:*:" + map[bool]string{true: "sts", false: "iam"}[strings.Contains(c.any, ":sts:")] + "::*:" + resource)
	return language.Union{b.Pattern()}
}

func (c awsCaller) scene(s session) scene {
	ask := func(values keyValues) Request {
		call := c.call
		if id := values.first("aws:userid"); c.call.PrincipalID != "" && id != "" {
			call.PrincipalID = id
		}
		if c.roles != nil && values["aws:principalarn"] != nil {
			call.RoleARN = values.first("aws:principalarn")
		} else if c.any != "" && values["aws:principalarn"] != nil {
			id := call.PrincipalID
			call = callOf(values.first("aws:principalarn"))
			call.PrincipalID = id
		}
		call.ExternalID = values.first("sts:externalid")
		call.SessionTags = s.tagsOf(values)
		call.TransitiveTagKeys = values[keyTransitive]
		call.SourceIdentity = s.identityOf(values)
		return AssumeRole(call)
	}
	base := ask(nil).r
	base.actions = s.actions(actionAssumeRole)
	_, unnamed := base.lookup("aws:principalarn")
	other := strings.Contains(c.any, anyAccount)
	sc := scene{base: base, open: c.open, name: c.name(), any: c.is, session: s}
	sc.domain = func(key string) domain {
		d, ok := s.domain(key)
		switch {
		case ok:
			return d
		case key == "aws:userid" && c.call.PrincipalID != "":
			return domain{must: true, within: language.Union{language.Literal(c.call.PrincipalID), language.Glob(c.call.PrincipalID + ":?*")}}
		case key == "sts:externalid":
			return domain{rare: true, filled: true, values: []string{"xx"}, likely: language.Words()}
		case key == "aws:principalarn" && unnamed == unknown:
			return domain{fixed: true, open: true}
		case key == "aws:principalarn" && c.roles != nil:
			return domain{must: true, except: c.others(), within: c.roles}
		case key == "aws:principalarn" && other:
			return domain{must: true, except: c.others(), within: c.anywhere(), likely: c.likely()}
		case key == "aws:principalarn" && c.any != "":
			return domain{must: true, except: c.others(), within: language.Beginning(c.any)}
		case key == "aws:principalaccount" && other:
			return domain{must: true, except: c.accountIDs(), within: language.Digits(12)}
		}
		return domainOf(base, key)
	}
	sc.build = func(values keyValues) *request { return settle(ask(values), values) }
	return sc
}
