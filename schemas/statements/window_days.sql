{{template "window_days"}}
