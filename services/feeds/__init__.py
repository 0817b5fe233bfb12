"""Door: what everyone may read without signing in, namely feeds, item pages and pictures."""
