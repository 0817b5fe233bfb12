"""Door: pages for the communications team, made on the server."""
