"""Room: closes the difference between what each account should show and what it does show."""
