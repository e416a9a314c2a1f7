// Package iamrole applies trust policies to IAM roles: it plans, creates and updates roles, and
// edits the trust policy of a live one.
//
// [Plan] shows what [Ensure] would do; Ensure does it, with no write when nothing differs.
// [Grant] and [Revoke] let a service account into a role and out of it, and leave everything
// else of its trust policy as it is.
//
// # What Ensure takes away
//
// The trust policy becomes what the spec says, as a whole. Permission policies and tags that
// the spec does not name stay, unless its fields Foreign… say otherwise. A description, a
// session duration or a permissions boundary that the spec leaves empty stays as it is, unless
// its fields Clear… say otherwise.
//
// [Read] shows a role with its policies and tags, [Delete] deletes one that the caller owns, and
// [NameFor] makes a name that IAM accepts.
//
// # Interruption and races
//
// Each step leaves a role that is right as far as it goes, so a context that ends between two
// loses nothing: the next Ensure does the rest. A role that appears while Ensure creates it is
// adopted. IAM replaces a trust policy as a whole and without any condition, so of two writers
// that read the same policy the later would undo the earlier's edit. Every write here is
// therefore of a policy read immediately before, and is read again after [Config].Settle: when
// another writer has replaced it, the edit is made once more on what is there now. Writers
// that all use this package lose nothing as long as none of them pauses between its read and its
// write for longer than the others' Settle.
//
// IAM is eventually consistent: reading again may show the policy from before the write. That
// is never taken for a lost edit; see Unconfirmed of the results. That IAM has the policy does
// not mean that STS knows it: see [WaitAssumable].
package iamrole
