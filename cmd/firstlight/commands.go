package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func commands() []*cobra.Command {
	return []*cobra.Command{
		runCommand(), demoCommand(), collectCommand(), publishCommand(), annotateCommand(), reviewCommand(), forgetCommand(), checkCommand(), queryCommand(), statusCommand(), backtestCommand(), notifyCommand(),
		streamCommand(), gcCommand(), versionCommand(), healthCommand(),
	}
}

// explainCommand turns cobra's answer to an unknown command into one line with the nearest one.
func explainCommand(root *cobra.Command, err error) error {
	if !strings.HasPrefix(err.Error(), "unknown command") {
		return err
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	_, rest, _ := strings.Cut(line, `"`)
	name, _, _ := strings.Cut(rest, `"`)
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return usagef("there is no command %q: did you mean %q?", name, near[0])
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("there is no command %q: the commands are %s", name, strings.Join(names, ", "))
}
