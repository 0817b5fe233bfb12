"""What every table shares: the base row, ids that sort by time, instants with a zone."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import DateTime, Dialect, MetaData, TypeDecorator
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as UUID_COLUMN
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel
from typing_extensions import override

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of every table. Rows do not validate: input passes a form model first."""

    metadata = MetaData(naming_convention=NAMING)

    @declared_attr.directive
    @classmethod
    @override
    def __tablename__(cls) -> str:
        return _WORD_START.sub("_", cls.__name__).lower()


class Instant(TypeDecorator[datetime]):
    """An instant in UTC. Refuses naive values: a time without a zone is a wrong time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Stores the instant; ValueError for one without a zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return value

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives the instant back in UTC, whatever the connection's zone."""
        return None if value is None else value.astimezone(UTC)


def new_id() -> UUID:
    """A UUID version 7: random enough to be public, ordered by time."""
    return uuid_utils.compat.uuid7()


def key() -> Any:
    """The primary key column of most tables."""
    return Field(default_factory=new_id, primary_key=True)


def instant(*, default: Any = ..., default_factory: Any = None, **more: Any) -> Any:
    """A column that holds an instant; without a default it must be given."""
    if default_factory is not None:
        return Field(default_factory=default_factory, sa_type=Instant, **more)
    return Field(default=default, sa_type=Instant, **more)


def optional_instant(**more: Any) -> Any:
    """A column that holds an instant or nothing."""
    return Field(default=None, sa_type=Instant, nullable=True, **more)


def jsonb(*, default_factory: Any = dict, nullable: bool = False) -> Any:
    """A JSONB column; starts empty."""
    if nullable:
        return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    return Field(default_factory=default_factory, sa_type=JSONB, nullable=False)


def ids() -> Any:
    """A column that holds an ordered list of ids."""
    return Field(default_factory=list, sa_type=ARRAY(UUID_COLUMN(as_uuid=True)), nullable=False)
