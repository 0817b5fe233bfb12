"""The table of the plain designs that Loa is compared with: a post, and whether it is out."""

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.bench.raw import BODY


class _Base(DeclarativeBase):
    """Apart from Loa's tables."""


class PlainPost(_Base):
    """One post of a fan-out, as a straightforward hub would keep it."""

    __tablename__ = "plain_post"
    id: Mapped[int] = mapped_column(primary_key=True)
    wall: Mapped[str]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    remote_id: Mapped[str | None]


def make_plain_engine(url: str, *, size: int) -> AsyncEngine:
    """SQLAlchemy over the same driver as Loa's."""
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(address, pool_size=size)


async def make_table(url: str) -> None:
    """Creates the table."""
    engine = make_plain_engine(url, size=1)
    async with engine.begin() as connection:
        await connection.run_sync(_Base.metadata.create_all)
    await engine.dispose()


async def new_posts(url: str, count: int) -> list[int]:
    """Rows to post: one to each wall; gives their ids."""
    engine = make_plain_engine(url, size=1)
    rows = [
        PlainPost(wall=f"wall-{no}", text=f"Thông báo lịch tiếp dân\n\n{BODY}", state="pending")
        for no in range(count)
    ]
    async with AsyncSession(engine) as session:
        session.add_all(rows)
        await session.flush()
        ids = [row.id for row in rows]
        await session.commit()
    await engine.dispose()
    return ids


async def pending(connection: asyncpg.Connection) -> bool:
    """Whether some post is not out yet."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM plain_post WHERE state = 'pending')"
    )
    return found


async def load(session: AsyncSession, post_id: int) -> PlainPost:
    """One row by its id."""
    return (await session.scalars(select(PlainPost).where(PlainPost.id == post_id))).one()
