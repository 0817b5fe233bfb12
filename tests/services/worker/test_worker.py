"""The jobs of a worker over a real database, and a worker process that is asked to stop."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels import accounts
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.queue.by_arq import _at
from services.queue.jobs import by_name, perform
from services.staff import otp
from services.staff.tables import Staff
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from services.worker import retention
from services.worker.jobs import declared
from services.worker.process import AT_ONCE
from tests.support.people import add_account, add_person, add_unit


@pytest.fixture
async def hub(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    engine = make_engine(fresh_database_url)
    yield Hub(
        open_work=opener(engine),
        registry=Registry.load({}),
        sealer=Sealer(b"k" * 32),
        media=MediaStore(tmp_path),
        public_url="http://loa.test",
    )
    await engine.dispose()


async def _nothing(name: str, *ids: str) -> None:
    return None


def test_jobs_have_names_of_their_own_and_periods_that_both_queues_know(hub: Hub) -> None:
    jobs = by_name(declared(hub))
    assert {"renew_tokens", "check_accounts", "verify_audit", "forget_old"} <= jobs.keys()
    for job in jobs.values():
        if job.every is not None:
            _at(job.every)


def test_jobs_that_take_long_leave_room_for_those_that_may_not_wait(hub: Hub) -> None:
    long = [job.name for job in declared(hub) if job.deadline >= timedelta(minutes=10)]

    assert {"adopt_posts", "read_sources", "check_links"} <= set(long)
    assert len(long) < AT_ONCE


async def test_every_job_runs_over_an_empty_hub_and_may_run_twice(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    for job in declared(hub):
        await perform(job, _nothing, ())
        await perform(job, _nothing, ())
    assert "job.failed" not in capsys.readouterr().out


async def test_checking_accounts_asks_for_one_job_each(hub: Hub) -> None:
    async with hub.open_work() as session:
        unit = await add_unit(session, "A")
        known = {str(await add_account(session, unit)) for _ in range(3)}
    asked: list[tuple[str, ...]] = []

    async def note(name: str, *ids: str) -> None:
        asked.append((name, *ids))

    await by_name(declared(hub))["check_accounts"].run(note, ())
    assert {ids for name, ids in asked if name == "check_account"} == known


async def test_a_rotation_seals_the_secrets_of_phones_anew(hub: Hub) -> None:
    async with hub.open_work() as session:
        unit = await add_unit(session, "A")
        person = await add_person(session, unit, "editor")
        staff = await session.get_one(Staff, person.staff_id)
        staff.otp_secret = hub.sealer.seal(b"phone", otp.context(staff.id))
    rotated = replace(hub, sealer=Sealer(b"n" * 32, b"k" * 32))
    await by_name(declared(rotated))["reseal"].run(_nothing, ())
    async with hub.open_work() as session:
        sealed = (await session.get_one(Staff, person.staff_id)).otp_secret
    assert sealed is not None
    assert Sealer(b"n" * 32).open(sealed, otp.context(person.staff_id)) == b"phone"


async def test_one_secret_that_nobody_can_open_keeps_no_other_from_a_rotation(hub: Hub) -> None:
    async with hub.open_work() as session:
        unit = await add_unit(session, "A")
        lost, kept = await add_account(session, unit), await add_account(session, unit)
        for id_, by in ((lost, Sealer(b"l" * 32)), (kept, hub.sealer)):
            account = await session.get_one(Account, id_)
            account.sealed_credentials = by.seal(b"{}", accounts.context(id_))
        person = await add_person(session, unit, "editor")
        staff = await session.get_one(Staff, person.staff_id)
        staff.otp_secret = Sealer(b"l" * 32).seal(b"phone", otp.context(staff.id))
    rotated = replace(hub, sealer=Sealer(b"n" * 32, b"k" * 32))

    async with asyncio.timeout(60):
        await by_name(declared(rotated))["reseal"].run(_nothing, ())

    async with hub.open_work() as session:
        account = await session.get_one(Account, kept)
        assert Sealer(b"n" * 32).open(account.sealed_credentials, accounts.context(kept)) == b"{}"


async def test_what_has_served_its_time_is_forgotten_and_the_rest_is_kept(hub: Hub) -> None:
    async with hub.open_work() as session:
        unit = await add_unit(session, "A")
        person = await add_person(session, unit, "editor")
        account = await add_account(session, unit)
        for days in (0, 8, 31, 91):
            await _leave(session, person.staff_id, account, days)
    gone = await retention.forget(hub.open_work)
    assert gone == {
        "idempotent_answer": 3,
        "session": 2,
        "sign_in_failure": 3,
        "old_credentials": 3,
        "inbound_event": 1,
        "source_entry": 0,
        "link_check": 0,
        "consent": 3,
        "notification": 2,
    }
    assert not any((await retention.forget(hub.open_work)).values())


async def _leave(session: AsyncSession, staff: object, account: object, days: int) -> None:
    """One row of each kind, so many days old."""
    values = {"id": new_id(), "staff": staff, "account": account, "days": days, "key": str(days)}
    for statement in (
        "INSERT INTO idempotent_answer (caller, route, key, request_hash, headers, started_at)"
        " VALUES ('c', 'r', :key, '', '{}', now() - make_interval(days => :days))",
        "INSERT INTO session (id, staff_id, token_hash, created_at, last_seen_at, expires_at)"
        " VALUES (:id, :staff, convert_to(:key, 'UTF8'), now(), now(),"
        " now() - make_interval(days => :days))",
        "INSERT INTO sign_in_failure (id, email, at)"
        " VALUES (:id, 'x@x.example', now() - make_interval(days => :days))",
        "INSERT INTO old_credentials (account_id, version, sealed, replaced_at)"
        " VALUES (:account, :days, '', now() - make_interval(days => :days))",
        "INSERT INTO inbound_event (id, account_id, key, kind, verdict, body, headers, received_at)"
        " VALUES (:id, :account, :key, 'k', 'ok', '', '{}', now() - make_interval(days => :days))",
        "INSERT INTO consent (state_hash, account_id, sealed_verifier, redirect_uri, by,"
        " expires_at) VALUES (convert_to(:key, 'UTF8'), :account, '', 'u', :staff,"
        " now() - make_interval(days => :days))",
        "INSERT INTO notification (id, staff_id, cause, about, details, at, read_at)"
        " VALUES (:id, :staff, 'returned', :id, '{}', now() - interval '1 year',"
        " now() - make_interval(days => :days))",
        "INSERT INTO notification (id, staff_id, cause, about, details, at)"
        " VALUES (gen_random_uuid(), :staff, 'drift', :id, '{}',"
        " now() - 5 * make_interval(days => :days))",
    ):
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        await session.execute(text(statement), used)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_ends_cleanly_when_asked(
    number: signal.Signals, fresh_database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as written:
        process = _worker(written, fresh_database_url, tmp_path)
    deadline = time.monotonic() + 120
    while b"worker.started" not in log.read_bytes():
        assert time.monotonic() < deadline
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(timeout=60) == 0
    assert b"worker.stopped" in log.read_bytes()


def _worker(log: BinaryIO, url: str, folder: Path) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOA_")}
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli.main", "worker"],
        env=kept
        | {
            "LOA_DATABASE_URL": url,
            "LOA_SECRET_KEY": "k3yThatNobodyElseHas-q8Zr2Lm0Vt5Xw1Bn7Hs4",
            "LOA_DATA_DIR": str(folder),
            "LOA_LOG_FORMAT": "json",
        },
        stderr=log,
    )
