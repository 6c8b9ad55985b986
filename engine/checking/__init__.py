"""What is wrong with a base: read, and proved."""
