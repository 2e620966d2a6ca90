package catalog

import (
	"slices"
	"strings"

	"firstlight/pipeline/nearest"
)

// What people of other tools write, and what it is called here.
var (
	keySynonyms = map[string]string{
		"type": "kind", "goal": "target", "objectives": "objective", "team": "owner", "if": "where", "filter": "where", "condition": "where",
		"deadline": "within", "horizon": "within", "events": "event", "level": "severity", "min": "below", "max": "above", "sample": "min_sample",
		"due": "by", "tz": "timezone", "trigger": "entry", "start": "entry", "breakdown": "segments", "dimensions": "segments", "times": "count", "unique": "distinct",
	}
	wordSynonyms = map[string]string{
		"higher": "up", "increase": "up", "increasing": "up", "more": "up", "upward": "up", "rise": "up", "positive": "up",
		"lower": "down", "decrease": "down", "decreasing": "down", "less": "down", "downward": "down", "fall": "down", "negative": "down",
		"strict": "sequence", "ordered": "sequence", "sequential": "sequence", "in_order": "sequence", "loose": "any", "unordered": "any", "none": "any",
		"page": "critical", "crit": "critical", "error": "critical", "high": "critical", "fatal": "critical",
		"warn": "warning", "ticket": "warning", "low": "warning", "info": "warning", "medium": "warning",
		"daily": "day", "weekly": "week", "monthly": "month",
		"everyone": "all", "anonymous": "all", "known": "identified",
	}
)

// meantKey is the key of keys that a person meant by an unknown one, and "" when none is likely.
func meantKey(key string, keys []string) string {
	if meant := keySynonyms[strings.ToLower(key)]; slices.Contains(keys, meant) {
		return meant
	}
	return nearest.Name(key, keys)
}

// meantWord is the word of words that means the same as another, and "" when there is none.
func (l *loader) meantWord(word string, words []string) string {
	for _, meant := range []string{wordSynonyms[strings.ToLower(word)], l.meantKind(word)} {
		if slices.Contains(words, meant) {
			return meant
		}
	}
	return ""
}
