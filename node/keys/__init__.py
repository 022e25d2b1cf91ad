"""Files of keys."""
