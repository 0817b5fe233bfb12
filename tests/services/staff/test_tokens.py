import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.audit.actor import SYSTEM
from services.audit.queries import entries
from services.staff import tokens
from services.staff.tables import ApiToken
from services.storage.session import Opener
from shared.errors import InvalidError, NotFoundError
from tests.support.people import add_person, add_unit

NOW = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)


async def test_a_token_drafts_for_its_owner_until_it_ends(open_work: Opener) -> None:
    async with open_work() as session:
        owner = await add_person(session, await add_unit(session, "BO"), "approver")
        made = await tokens.add(
            session, owner.actor, owner.staff_id, name="CMS", scopes=["draft:write"], now=NOW
        )
    assert re.fullmatch(r"loa_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", made.secret)
    assert made.expires_at == NOW + timedelta(days=90)
    async with open_work() as session:
        program = await tokens.caller_of_token(session, made.secret, NOW)
        assert program is not None
        assert program.staff_id == owner.staff_id
        assert program.actor.name == f"token:{made.id}"
        assert program.scopes == frozenset({"draft:write"})
        assert program.roles == set()
        assert await tokens.caller_of_token(session, made.secret, made.expires_at) is None


async def test_only_the_hash_is_kept_and_use_is_noted(open_work: Opener) -> None:
    async with open_work() as session:
        owner = await add_person(session, await add_unit(session, "BO"))
        made = await tokens.add(
            session, SYSTEM, owner.staff_id, name="CMS", scopes=["status:read"], now=NOW, days=1
        )
        await tokens.caller_of_token(session, made.secret, NOW)
    async with open_work() as session:
        row = (await session.scalars(select(ApiToken))).one()
        assert made.secret not in repr(row.model_dump())
        assert made.secret.startswith(row.prefix)
        assert row.last_used_at == NOW
        assert made.secret not in repr(made)
        assert [kept.id for kept in await tokens.tokens_of(session, owner.staff_id)] == [made.id]


async def test_a_revoked_token_is_dead_at_once(open_work: Opener) -> None:
    async with open_work() as session:
        owner = await add_person(session, await add_unit(session, "BO"))
        made = await tokens.add(
            session, SYSTEM, owner.staff_id, name="CMS", scopes=["status:read"], now=NOW
        )
    async with open_work() as session:
        await tokens.revoke(session, SYSTEM, made.id, now=NOW)
        await tokens.revoke(session, SYSTEM, made.id, now=NOW)
        with pytest.raises(NotFoundError):
            await tokens.revoke(session, SYSTEM, owner.staff_id, now=NOW)
    async with open_work() as session:
        assert await tokens.caller_of_token(session, made.secret, NOW) is None
        acts = [entry.act for entry in (await entries(session)).entries]
        assert acts == ["token.revoked", "token.added"]


@pytest.mark.parametrize(
    "given", ["", "loa_", "Bearer", "loa_" + "a" * 49, "ghp_" + "a" * 49, "loa_" + "đ" * 49]
)
async def test_what_is_no_token_of_ours_is_known_by_its_shape(
    open_work: Opener, given: str
) -> None:
    assert not tokens.well_formed(given)
    async with open_work() as session:
        assert await tokens.caller_of_token(session, given, NOW) is None


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"scopes": ["item:approve"]}, ["scopes"]),
        ({"scopes": []}, ["scopes"]),
        ({"days": 91}, ["days"]),
        ({"days": 0}, ["days"]),
        ({"name": " "}, ["name"]),
    ],
)
async def test_no_token_may_do_more_or_live_longer(
    open_work: Opener, fields: dict[str, object], at_fault: list[str]
) -> None:
    sound: dict[str, object] = {"name": "CMS", "scopes": ["draft:write"], "now": NOW}
    async with open_work() as session:
        owner = await add_person(session, await add_unit(session, "BO"))
        with pytest.raises(InvalidError) as refused:
            await tokens.add(session, SYSTEM, owner.staff_id, **{**sound, **fields})  # type: ignore[arg-type]  # one field at a time
    assert [fault.field for fault in refused.value.fields] == at_fault
