"""Room: what the public may subscribe to. Feed documents in every format, and WebSub that pushes them."""
