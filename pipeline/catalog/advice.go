package catalog

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"

	"firstlight/pipeline/nearest"
)

// This file says CEL's messages in words for people who do not know CEL.

// celProblems reports CEL's messages at their places in the file. After a syntax error only the first counts:
// the rest is noise.
func (l *loader) celProblems(n *node, issues *cel.Issues) {
	for _, e := range issues.Errors() {
		rest, syntax := strings.CutPrefix(e.Message, "Syntax error: ")
		at := l.file.inside(n, e.Location.Line(), e.Location.Column())
		if syntax {
			l.errorf(at, "%s", adviseSyntax(rest, n.text))
			return
		}
		l.errorf(at, "%s", advise(e.Message, n.text))
	}
}

var (
	literals     = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	wordOperator = regexp.MustCompile(`(?i)(^|[\s)])(and|or|not)($|[\s(])`)
	singleEqual  = regexp.MustCompile(`[^=!<>]=[^=]`)
	unfitting    = regexp.MustCompile(`^(?:extraneous|mismatched) input '(.*?)' expecting|^no viable alternative at input '(.*)'$`)
)

func adviseSyntax(message, source string) string {
	source = literals.ReplaceAllString(source, `""`)
	m := unfitting.FindStringSubmatch(message)
	switch {
	case strings.Contains(source, "<>"):
		return "for \"is not\" write != instead of <>"
	case singleEqual.MatchString(source):
		return "for \"is equal to\" write == instead of ="
	case wordOperator.MatchString(source):
		return "write && for and, || for or, ! for not"
	case strings.HasPrefix(message, "token recognition error at: '\"'"),
		strings.HasPrefix(message, "token recognition error at: '\""), strings.HasPrefix(message, "token recognition error at: ''"):
		return "the text that starts here has no end: close the quote"
	case strings.Contains(message, "<EOF>") && (m == nil || m[1] == "<EOF>"):
		return "the expression ends too early: write for example properties.plan == \"pro\""
	case m != nil:
		return quoted(m[1]+m[2]) + " does not fit here: write for example properties.plan == \"pro\" && properties.seats > 5"
	}
	return "the expression is not CEL (" + message + "): write for example properties.plan == \"pro\" && properties.seats > 5"
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
)

func advise(message, source string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return adviseName(m[1], source)
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		return adviseOverload(m[1], m[2])
	}
	switch {
	case strings.HasPrefix(message, "has() takes"):
		return message
	case strings.Contains(message, "recursion"):
		return "the expression is nested too deeply: write several shorter ones, or fewer parentheses"
	case strings.Contains(message, "does not support field selection"):
		return "this has no parts: \"event\" is the event's name; write for example properties.plan"
	case message == "invalid matches argument":
		return "the pattern is not a regular expression: write for example matches(\"^https?://\")"
	case message == "invalid timestamp argument":
		return "the text is no time: write for example timestamp(\"2026-01-31T00:00:00Z\")"
	case message == "invalid duration argument":
		return "the text is no duration: write for example duration(\"36h\")"
	}
	return "the expression cannot be used: " + message
}

// someFunctions are those worth naming to somebody who looks for one.
const someFunctions = "contains, startsWith, endsWith, matches, size, has, exists, all, int, double, string or timestamp"

func adviseName(name, source string) string {
	calls, _ := regexp.MatchString(`\b`+regexp.QuoteMeta(name)+`\s*\(`, source)
	switch {
	case strings.EqualFold(name, "and"), strings.EqualFold(name, "or"), strings.EqualFold(name, "not"):
		return "write && for and, || for or, ! for not"
	case calls:
		if near := nearest.Name(name, functions()); near != "" {
			return "unknown function " + quoted(name) + ": write " + near
		}
		return "unknown function " + quoted(name) + ": write one of CEL's, such as " + someFunctions
	}
	if near := nearest.Name(name, []string{"event", "properties", "context"}); near != "" {
		return "unknown name " + quoted(name) + ": write " + near
	}
	return "unknown name " + quoted(name) + ": write properties." + name + " for a property, or \"" + name + "\" for text"
}

// functions are the names of CEL's functions that people write, macros included.
func functions() []string {
	var names []string
	for _, f := range environment().Functions() {
		if !strings.ContainsAny(f.Name(), "_@") {
			names = append(names, f.Name())
		}
	}
	for _, m := range environment().Macros() {
		names = append(names, m.Function())
	}
	return names
}

// adviseOverload explains an operation on the wrong kinds of values; operands is CEL's "(string, int)", or
// "string.(int)" for a method.
func adviseOverload(function, operands string) string {
	operands = strings.TrimSuffix(strings.Replace(operands, ".(", ", ", 1), ")")
	kinds := kindsInWords(strings.TrimPrefix(operands, "("))
	advice := "compare text with text and numbers with numbers"
	if strings.Trim(function, "_@!<>=&|?:+-*/%[]in") != "" {
		advice = "look up what it takes"
	}
	function = strings.ReplaceAll(strings.Trim(function, "@"), "_", "")
	return quoted(function) + " does not work with " + kinds + ": " + advice
}

// kindsInWords writes CEL's names of types in words.
func kindsInWords(s string) string {
	return strings.NewReplacer(
		"map(string, dyn)", "a mapping", "string", "text", "int", "a whole number", "double", "a number", "uint", "a number",
		"bool", "true or false", "null_type", "null", "dyn", "a property", "list(", "a list (", ", ", " and ",
	).Replace(s)
}
