"""Every table of the house, imported so that migrations and their check see them all."""

from importlib import import_module

from sqlalchemy import MetaData

from services.storage.columns import Row

# By name, not by import statement: storage is the ground floor, the tables belong to the rooms
# above.
_MODULES = (
    "services.staff.tables",
    "services.audit.tables",
    "services.channels.tables",
    "services.content.tables",
    "services.delivery.tables",
    "services.proof.tables",
    "services.inbox.tables",
    "services.sources.tables",
    "services.syndication.tables",
    "services.api.tables",
)


def metadata() -> MetaData:
    """The metadata of all tables."""
    for name in _MODULES:
        import_module(name)
    return Row.metadata
