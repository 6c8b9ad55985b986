"""Two bases compared by what they say and decide."""
