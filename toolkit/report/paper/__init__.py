"""The parts of a report that make it a paper: numbered exhibits, methods, references, checklist."""
