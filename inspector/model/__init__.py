"""Value types that every other package uses: subjects, observations, verdicts, findings, errors."""
