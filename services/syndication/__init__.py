"""Room: what the public may subscribe to, in every format; and WebSub, which pushes it."""
