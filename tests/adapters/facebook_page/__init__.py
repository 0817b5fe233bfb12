"""The Facebook Page adapter, against raw loopback servers and the sandbox."""
