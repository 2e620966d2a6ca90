// Package anomaly judges what has been counted: guardrails, silence, and changes that chance does not explain. It turns
// windows into incidents, and incidents into messages that a person can act on.
//
// The package is pure: the same evidence and catalog always give the same incidents, with the same identity. So a
// restart, a second evaluator and a late correction all go through one function.
package anomaly
