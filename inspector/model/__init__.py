"""Values that everything else speaks: subjects, observations, verdicts, findings, errors."""
