"""Door: the JSON interface, `/api/v1`; thin over the same rooms as the console."""
