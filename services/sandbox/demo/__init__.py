"""What the demo shows: a fictional province, its people, and a dozen items in every state.

The pictures are drawn when they are asked for.
"""
