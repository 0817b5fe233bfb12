"""What a channel promises: its abilities, what crosses, what it may raise, checks for it all."""
