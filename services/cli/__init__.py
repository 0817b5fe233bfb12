"""Door: the `loa` command, and the supervisor of `loa up`; it alone joins doors together."""
