"""Who runs the inspections of campaigns: a queue of jobs that survives whatever ends the process."""
