package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"firstlight/pipeline/simulate"
)

// hostileWords are what somebody writes who would like the page to run it.
const hostileWords = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script> & the invite "mail" never came` + "\n  </blockquote> é 👋🏽"

// hostileUser is somebody who is stuck, and writes that.
func hostileUser() []string {
	const signedUp = `{"event":"signed_up","userId":"<b>eve</b>","timestamp":"2026-04-26T14:00:00Z","properties":{"plan":"team"},"context":{"location":{"country":"DE"}}}`
	said := fmt.Sprintf(`{"event":"feedback_given","userId":"<b>eve</b>","timestamp":"2026-04-27T12:00:00Z","properties":{"text":%s}}`, marshalled(hostileWords))
	return []string{signedUp, said}
}

func marshalled(text string) []byte {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return data
}

// What people say: what the view has, as text, by the step they missed and by a word, and beside whom to talk to.
func pageVoices(t *testing.T, d *daemon, on func(look) *tab) {
	truth := simulate.Complained(pageEvents()) + 1 // and the hostile one
	if got := d.tsv("SELECT uniqExact(user_id, at) FROM voices WHERE positionCaseInsensitiveUTF8(text, 'invit') > 0"); got != fmt.Sprint(truth) {
		t.Errorf("%s texts are about invitations, %d were written", got, truth)
	}
	b := on(desktop)
	b.open(query("metric", "activated"))
	all := ask(t, d, "voices", url.Values{"metric": {"activated"}, "step": {"*"}})
	if got := b.count("#voices .voices li"); got != min(10, len(all.Rows)) || got == 0 {
		t.Errorf("%d voices are shown, the view has %d", got, len(all.Rows))
	}
	shown := func(step, word string) []string {
		t.Helper()
		asked := url.Values{"metric": {"activated"}}
		for name, value := range map[string]string{"step": step, "word": word} {
			if value != "" {
				asked.Set(name, value)
			}
		}
		var want []string
		for _, text := range ask(t, d, "voices", asked).column("text") {
			want = append(want, text.(string))
		}
		want = want[:min(10, len(want))]
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const [step, word] = [document.getElementById("voices-step"), document.getElementById("voices-word")];
			step.value = %q; word.value = %q; step.dispatchEvent(new Event("change")) }`, step, word)))
		b.until(fmt.Sprintf(`document.querySelectorAll("#voices .voices li").length === %d && !document.querySelector("#voices[aria-busy]")`, len(want)))
		got := eval[[]string](b, `[...document.querySelectorAll("#voices blockquote")].map((q) => q.textContent)`)
		if !slices.Equal(got, want) {
			t.Errorf("step %q, word %q: the page shows %q, the view has %q", step, word, got, want)
		}
		return got
	}
	missed, anybody := shown("Invited two colleagues", ""), shown("", "")
	if len(missed) == 0 || len(anybody) < len(missed) {
		t.Errorf("%d missed the invitation, %d wrote", len(missed), len(anybody))
	}
	if got := shown("", `"MAIL" NEVER`); !slices.Equal(got, []string{hostileWords}) {
		t.Errorf("the search finds %q", got)
	}
	b.shot("voices-word")
	shown("", "nobody wrote this")
	if got := b.text("#voices .empty"); got != "Nobody wrote that word." {
		t.Errorf("of a word that nobody wrote it says %q", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`{ const word = document.getElementById("voices-word"); word.value = "colleagues"; word.dispatchEvent(new Event("input")) }`)) // as typing does
	b.until(`[...document.querySelectorAll("#voices blockquote")].length > 0 && [...document.querySelectorAll("#voices blockquote")].every((q) => q.textContent.toLowerCase().includes("colleagues"))`)
	pageHostileVoice(t, b)
	b.accessible()
	b.fine()
	pageVoicesOfSegment(t, d, b)
	for name, l := range map[string]look{"dark": {width: 1280, height: 900, dark: true}, "phone": phone} {
		b := on(l)
		b.open(query("metric", "activated"))
		if wide := eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
			t.Errorf("%s: the page is wider than the screen", name)
		}
		b.shot("voices-" + name)
		b.accessible()
		b.fine()
	}
}

// pageHostileVoice holds that markup in words, and in the id of who wrote them, stays text.
func pageHostileVoice(t *testing.T, b *tab) {
	if title := eval[string](b, `document.title`); strings.Contains(title, "taken") {
		t.Errorf("what somebody wrote has run: the title is %q", title)
	}
	if n := b.count("#voices img, #voices script, #voices b, #people img, #people script, #people b"); n > 0 {
		t.Errorf("%d elements come from what somebody wrote", n)
	}
	if got := b.text("#people"); !strings.Contains(got, "<b>eve</b>") || !strings.Contains(got, `<img src=x onerror=`) {
		t.Errorf("who is stuck does not show with what was written last: %.2000q", got)
	}
}

func pageVoicesOfSegment(t *testing.T, d *daemon, b *tab) {
	b.open(query("metric", "activated", "segment", "plan", "value", "team"))
	of := ask(t, d, "voices", url.Values{"metric": {"activated"}, "step": {"*"}, "segment": {"plan"}, "value": {"team"}})
	if got := b.count("#voices .voices li"); got != min(10, len(of.Rows)) || got == 0 {
		t.Errorf("%d voices of the team plan are shown, the view has %d", got, len(of.Rows))
	}
	for _, segments := range of.column("segments") {
		if plan := segments.(map[string]any)["plan"]; plan != "team" {
			t.Errorf("a voice of the plan %v", plan)
		}
	}
	b.shot("voices-light")
	b.fine()
}
