package schemas

import _ "embed" // the example is part of the binary

// ExampleSaaS is the example catalog of a team product.
//
//go:embed examples/saas.yaml
var ExampleSaaS []byte
