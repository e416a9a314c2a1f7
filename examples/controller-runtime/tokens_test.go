package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/irsa-go/irsa/token/tokenrequest"
)

// A manager that acts for other accounts takes their tokens from the client that it has already.
func TestTheManagersClientIsASourceOfTokens(t *testing.T) {
	t.Parallel()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "app"}}
	client := fake.NewClientBuilder().WithObjects(account).Build()
	source, err := tokenrequest.New(tokenrequest.SubResource(client.SubResource("token"), "team-a"), "app", tokenrequest.Config{})
	require.NoError(t, err)
	jwt, err := source.Token(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, jwt)

	source, err = tokenrequest.New(tokenrequest.SubResource(client.SubResource("token"), "team-a"), "gone", tokenrequest.Config{})
	require.NoError(t, err)
	_, err = source.Token(t.Context())
	require.ErrorContains(t, err, `serviceaccounts "gone" not found`)
}
