"""The calls of the JSON API, by what they are about: each parses, asks a room, and shows."""
