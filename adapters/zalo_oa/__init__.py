"""Zalo Official Account: articles, what followers write, and our replies."""
