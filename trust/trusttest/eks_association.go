package trusttest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/trust"
)

// The operations on associations.

func (a *Account) createAssociation(c *rest) (any, error) {
	var in association
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return a.associate(c.r.PathValue("cluster"), in)
}

// Associate gives a service account of a cluster a role, as CreatePodIdentityAssociation does, for
// programs without the EKS client. Errors are EKS's refusals.
func (a *Account) Associate(clusterName, namespace, serviceAccount, roleARN string) error {
	if _, err := a.associate(clusterName, association{Namespace: namespace, ServiceAccount: serviceAccount, RoleARN: roleARN}); err != nil {
		return fmt.Errorf("trusttest: associate: %w", err)
	}
	return nil
}

func (a *Account) associate(clusterName string, in association) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	of, err := a.findCluster(clusterName)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(kubename.CheckNamespace(in.Namespace), kubename.CheckServiceAccount(in.ServiceAccount)); err != nil {
		return nil, invalidParameter("%s", err) // unproven
	}
	if have := of.of(in.Namespace, in.ServiceAccount); have != nil {
		// https://github.com/aws-controllers-k8s/community/issues/2028
		return nil, refuse(http.StatusConflict, "ResourceInUse", "Association already exists: %s", have.ID)
	}
	if err := a.checkAssociation(&in); err != nil {
		return nil, err
	}
	in.ClusterName = of.Name
	in.ID = strings.ToLower(a.newID("a-", 17))
	in.ARN = a.eksARN("podidentityassociation/" + of.Name + "/" + in.ID)
	in.ExternalID = ""
	if in.TargetRoleARN != "" {
		in.ExternalID = a.newExternalID()
	}
	in.CreatedAt = a.now().Unix()
	in.ModifiedAt = in.CreatedAt
	of.associations = append(of.associations, &in)
	return in.clone(), nil
}

func (a *Account) newExternalID() string { return a.newID("EKS_", 26) }

// checkAssociation refuses what EKS refuses of an association's settings. The caller holds a.mu.
func (a *Account) checkAssociation(in *association) error {
	role, err := arn.ParseRole(in.RoleARN)
	if err != nil {
		return invalidParameter("%s is not a valid role ARN", in.RoleARN) // unproven
	}
	if role.AccountID != a.id || role.Partition != a.partition {
		// https://github.com/eksctl-io/eksctl/issues/8718
		return accessDenied("Cross-account pass role is not allowed.")
	}
	have := a.roleOf(in.RoleARN)
	if have == nil || !a.hasPropagated(have.created, a.faults.get().RolePropagation) {
		// https://github.com/hashicorp/terraform-provider-aws/issues/34711
		return invalidParameter("Role provided in the request does not exist.")
	}
	if policy, err := trust.Parse([]byte(have.trustPolicy)); err != nil || !slices.ContainsFunc(policy.Principals(), isPodIdentity) {
		// https://github.com/hashicorp/terraform-provider-aws/issues/41483
		return invalidParameter("Trust policy of the role provided is invalid")
	}
	if in.Policy != "" && !in.DisableSessionTags {
		return invalidParameter("disableSessionTags must be true when a policy is given") // unproven
	}
	return nil
}

func isPodIdentity(p trust.Principal) bool {
	return p.Kind == "Service" && p.Value == audience.PodIdentity
}

// listAssociations filters by namespace and account, as clients ask.
func (a *Account) listAssociations(c *rest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	of, err := a.findCluster(c.r.PathValue("cluster"))
	if err != nil {
		return nil, err
	}
	query := c.r.URL.Query()
	matching := slices.DeleteFunc(slices.Clone(of.associations), func(one *association) bool {
		return query.Get("namespace") != "" && query.Get("namespace") != one.Namespace ||
			query.Get("serviceAccount") != "" && query.Get("serviceAccount") != one.ServiceAccount
	})
	page, next, err := pageOf(matching, query.Get("maxResults"), query.Get("nextToken"))
	if err != nil {
		return nil, err
	}
	type summary struct {
		ARN            string `json:"associationArn"`
		ID             string `json:"associationId"`
		ClusterName    string `json:"clusterName"`
		Namespace      string `json:"namespace"`
		ServiceAccount string `json:"serviceAccount"`
	}
	answer := struct {
		Associations []summary `json:"associations"`
		NextToken    string    `json:"nextToken,omitempty"`
	}{Associations: []summary{}, NextToken: next}
	for _, one := range page {
		answer.Associations = append(answer.Associations, summary{one.ARN, one.ID, one.ClusterName, one.Namespace, one.ServiceAccount})
	}
	return answer, nil
}

// withAssociation finds the association of the path and holds a.mu while do runs.
func (a *Account) withAssociation(do func(*cluster, *association, *rest) (any, error)) restOperation {
	return func(c *rest) (any, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		of, err := a.findCluster(c.r.PathValue("cluster"))
		if err != nil {
			return nil, err
		}
		id := c.r.PathValue("id")
		i := slices.IndexFunc(of.associations, func(one *association) bool { return one.ID == id })
		if i < 0 {
			return nil, notFound("The specified podIdentityAssociation %s could not be found.", id) // unproven
		}
		return do(of, of.associations[i], c)
	}
}

// updateAssociation changes what the request has; "" takes a target role or a policy away
// (https://github.com/aws-controllers-k8s/eks-controller/pull/164).
func (a *Account) updateAssociation(_ *cluster, have *association, c *rest) (any, error) {
	var in struct {
		RoleARN            *string `json:"roleArn"`
		TargetRoleARN      *string `json:"targetRoleArn"`
		Policy             *string `json:"policy"`
		DisableSessionTags *bool   `json:"disableSessionTags"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	next := *have
	set(&next.RoleARN, in.RoleARN)
	set(&next.TargetRoleARN, in.TargetRoleARN)
	set(&next.Policy, in.Policy)
	set(&next.DisableSessionTags, in.DisableSessionTags)
	if err := a.checkAssociation(&next); err != nil {
		return nil, err
	}
	switch {
	case next.TargetRoleARN == "":
		next.ExternalID = ""
	case have.TargetRoleARN == "":
		next.ExternalID = a.newExternalID()
	}
	next.ModifiedAt = a.now().Unix()
	*have = next
	return have.clone(), nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// ofARN finds an association by its ARN. The caller holds a.mu.
func (a *Account) ofARN(arn string) (*association, error) {
	for _, c := range a.state.clusters {
		for _, one := range c.associations {
			if one.ARN == arn {
				return one, nil
			}
		}
	}
	return nil, refuse(http.StatusNotFound, "NotFound", "The resource %s could not be found.", arn) // unproven
}

func (a *Account) tagAssociation(c *rest) (any, error) {
	var in struct {
		Tags map[string]string `json:"tags"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	have, err := a.ofARN(c.r.PathValue("arn"))
	if err != nil {
		return nil, err
	}
	if have.Tags == nil {
		have.Tags = map[string]string{}
	}
	maps.Copy(have.Tags, in.Tags)
	return struct{}{}, nil
}

func (a *Account) untagAssociation(c *rest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	have, err := a.ofARN(c.r.PathValue("arn"))
	if err != nil {
		return nil, err
	}
	for _, key := range c.r.URL.Query()["tagKeys"] {
		delete(have.Tags, key)
	}
	return struct{}{}, nil
}

// pageOf returns a page of at most limit items, 100 for "", and the token of the next, "" at the end.
func pageOf[T any](items []T, limit, token string) (page []T, next string, err error) {
	size, from := 100, 0
	if _, err := fmt.Sscan(limit, &size); limit != "" && (err != nil || size < 1 || size > 100) {
		return nil, "", invalidParameter("maxResults must be between 1 and 100") // unproven
	}
	if _, err := fmt.Sscan(token, &from); token != "" && (err != nil || from < 0) {
		return nil, "", invalidParameter("Invalid nextToken") // unproven
	}
	from = min(from, len(items))
	to := min(from+size, len(items))
	if to < len(items) {
		next = strconv.Itoa(to)
	}
	return items[from:to], next, nil
}
