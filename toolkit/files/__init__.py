"""Files, downloads, caches and notebook HTML."""
