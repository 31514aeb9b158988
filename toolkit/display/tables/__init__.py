"""Tables of results, of participant characteristics and of availability."""
