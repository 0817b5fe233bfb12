"""The language that services and adapters speak with each other; small on purpose."""
