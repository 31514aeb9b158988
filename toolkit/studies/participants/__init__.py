"""Participants of a study: in memory, or on an engine that aggregates them in place."""
