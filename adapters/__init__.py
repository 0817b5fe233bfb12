"""One folder per channel; strangers to each other and to the services."""
