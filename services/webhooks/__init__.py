"""Door: where channels call us back."""
