"""The Zalo channel against a scripted host and against the sandbox."""
