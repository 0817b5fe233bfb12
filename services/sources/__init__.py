"""Room: feeds of other sites brought in as drafts, read safely and politely; links that broke."""
