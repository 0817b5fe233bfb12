"""Ground: the names of jobs, and the bell that rings after commit."""
