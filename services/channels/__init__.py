"""Room: connected accounts, their sealed credentials, and the register of adapters."""
