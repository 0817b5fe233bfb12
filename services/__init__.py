"""What the hub does: doors on top, rooms in the middle, ground below."""
