"""The simulated channels, asked over real connections by clients that know only the wire."""
