"""Door: the process that turns the delivery loop, and thin jobs that each call a room."""
