"""A channel by somebody else: a package of its own, found by its entry point alone."""
