package engine

// Pid is the helper's process id.
func (p *Process) Pid() int { return p.command.Process.Pid }
