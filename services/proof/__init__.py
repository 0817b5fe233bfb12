"""Room: proof for anyone. Signed records of what was published, and whether a text is really ours."""
