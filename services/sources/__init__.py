"""Room: feeds of other sites brought in as drafts, read safely and politely, and links that broke."""
