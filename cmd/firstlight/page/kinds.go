package page

import (
	"fmt"
	"io/fs"
	"strings"

	"firstlight/pipeline/kind"
)

// addKinds adds two modules of each kind's room, and for each the module that holds those of all kinds by name:
//
//	js/kinds/words.js         words(kind) is what a kind's page/words.js says
//	js/kinds/panels.js        panels(kind) is what a kind's page/panels.js shows
//	js/kinds/<kind>/words.js  imports js/format.js alone:
//	    about                 what the number is, in a few words
//	    write(value)          a value as text, and time, whether it is a time: then it is a median, and cannot be added up
//	    newest, theirs        whom the number counts, of everybody and of users chosen
//	    everybody(metric)     goes on behind "Everybody who joined in the newest 28 days"
//	    line(metric)          says what a point of the line is; byWindow, that it is of the users active then, not of those who joined
//	    cohorts(metric)       says what a cohort's value is, where that is not the share that made it in time
//	    endless(metric)       whether users always have time left, so that older ones had more of it, and growing says so
//	    waiting(users)        says what of users who still have time, where that is not that they do not count yet
//	    joined                whether the line's table says how many joined
//	js/kinds/<kind>/panels.js imports what it likes:
//	    titles                of the line and of the cohorts
//	    people                whether users can be stalled
//	    triangle(…)           draws the triangle, where its columns are not ages
//	    own                   panels that only this kind has: { id, title, wide, load(panel, cohorts, values, context) }, and of which
//	                          metrics where not of all: of(metric)
func addKinds(add func(at string, content []byte)) error {
	for _, module := range []string{"words", "panels"} {
		var imports, names strings.Builder
		for _, k := range kind.All {
			content, err := fs.ReadFile(k.Files(), "page/"+module+".js")
			if err != nil {
				return err
			}
			add(fmt.Sprintf("/assets/js/kinds/%s/%s.js", k, module), content)
			fmt.Fprintf(&imports, "import %s from \"./%s/%s.js\";\n", k, k, module)
			fmt.Fprintf(&names, " %s,", k)
		}
		text := fmt.Sprintf("%s\nconst kinds = {%s };\n\nexport const %s = (kind) => kinds[kind];\n", &imports, &names, module)
		add(fmt.Sprintf("/assets/js/kinds/%s.js", module), []byte(text))
	}
	return nil
}
