package catalog

// What tests from outside look at.
var (
	CatalogKeys, DefaultKeys, ExcludeKeys, SourceKeys, CohortKeys, EntryKeys                          = catalogKeys, defaultKeys, excludeKeys, sourceKeys, cohortKeys, entryKeys
	VoiceKeys                                                                                         = voiceKeys
	SegmentKeys, SelectorKeys, UseKeys, StepKeys, TargetKeys, PredictsKeys, GuardrailKeys, MetricKeys = segmentKeys, selectorKeys, useKeys, stepKeys, targetKeys, predictsKeys, guardrailKeys, metricKeys
	ReviewKeys, ExperimentKeys, TrialKeys                                                             = reviewKeys, experimentKeys, trialKeys

	List = list

	MaxExpression = maxExpression
)

// Asks returns how many expressions the events of a name are asked.
func (m *Matcher) Asks(name string) int { return len(m.candidates(name).asks) }
