"""Decision records: an append-only chain of what was decided, by which rules, from which facts."""
