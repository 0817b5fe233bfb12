"""The demo content keeps every limit that the channels set."""
