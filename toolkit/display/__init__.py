"""Charts, tables and sentences made from result frames alone."""
