package calendar_test

import (
	"fmt"
	"time"

	"firstlight/pipeline/calendar"
)

// Local days begin at local midnight, and the one on which clocks go forward has 23 hours.
func ExampleCalendar_Start() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := calendar.New(berlin, time.Monday)
	d := calendar.FromDate(2026, 3, 29)
	fmt.Println(time.Unix(c.Start(d), 0).UTC().Format(time.DateTime))
	fmt.Println((c.Start(d+1) - c.Start(d)) / calendar.HourSeconds)
	// Output:
	// 2026-03-28 23:00:00
	// 23
}
