"""The web portal, which pulls: shapes a feed entry; nothing is ever sent."""
