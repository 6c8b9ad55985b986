"""Decision tests of a base, and what they cover."""
