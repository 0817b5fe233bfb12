"""Room: what citizens write to us, who answers, and how long it is kept."""
