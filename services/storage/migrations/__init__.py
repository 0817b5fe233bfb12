"""Numbered migrations: one head; each runs while the code before it still does."""
