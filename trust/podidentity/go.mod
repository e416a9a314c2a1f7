module github.com/irsa-go/irsa/trust/podidentity

go 1.26.0

replace github.com/irsa-go/irsa => ../..

require (
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/aws/aws-sdk-go-v2/service/eks v1.105.6
	github.com/go-json-experiment/json v1.27.2
	github.com/irsa-go/irsa v0.0.0-00010101000000-000000000000
)

require (
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.12 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.12 // indirect
	github.com/aws/aws-sdk-go-v2/service/iam v1.65.0 // indirect
	github.com/aws/smithy-go v1.28.9 // indirect
)
