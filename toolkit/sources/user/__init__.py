"""Read a survey or cohort of one's own from its files and its `study.toml`."""
