"""Room: what the agency has made public, listed, found again in copies, and signed to prove it."""
