"""The simulated channels behave as the real ones are described."""
