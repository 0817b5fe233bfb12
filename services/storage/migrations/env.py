"""Alembic wants this file to exist; Loa runs its migrations from `migrate.py`."""
