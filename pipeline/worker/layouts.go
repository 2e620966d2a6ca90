package worker

import (
	"context"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/facts"
)

// layouts returns the layouts of all users that are stored, by now. The one of the users that this worker stores is among them, before
// any of these is.
func (w *Worker) layouts(ctx context.Context) (facts.Layouts, error) {
	all := facts.Layouts{}
	if err := w.Store.LoadLayouts(ctx, all.Add); err != nil {
		return nil, err
	}
	c := w.Catalog.Computed()
	name, text := facts.NewJoiner(c, calendar.New(c.Location, c.WeekStart), nil).Layout()
	if _, stored := all[name]; stored {
		return all, nil
	}
	if err := w.Store.WriteLayout(ctx, name, text); err != nil {
		return nil, err
	}
	return all, all.Add(name, text)
}
