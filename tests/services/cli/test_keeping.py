"""A backup that is restored starts fenced, knows that it may be behind, and sends nothing."""

import gzip
import json
import shutil
import tarfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlmodel import col

from adapters.facebook_page.channel import channel as facebook
from adapters.facebook_page.settings import FacebookSettings
from services.channels.tables import Account
from services.cli.keeping import fit_to
from services.content.tables import Item
from services.delivery.tables import Attempt, Lane, Publication
from services.storage.columns import new_id
from shared.contract import messages
from tests.services.cli.conftest import Loa
from tests.support.newsroom import Newsroom

_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
async def session(fresh_database_url: str) -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(
        fresh_database_url.replace("postgresql://", "postgresql+asyncpg://")
    )
    async with AsyncSession(engine, expire_on_commit=False) as opened:
        yield opened
    await engine.dispose()


def _post(code: str, title: str) -> messages.Payload:
    """What the real adapter shows of an item on a Page."""
    told = messages.Revision(
        code=code,
        no=1,
        kind="news",
        title=title,
        summary="",
        blocks=(),
        url=f"https://loa.example.gov.vn/tin/{code}",
        agency="UBND tỉnh Hoa Sen",
    )
    settings = FacebookSettings(page_id="1", app_id="2")
    return facebook.render(told, settings).payload


async def _publish(newsroom: Newsroom, session: AsyncSession, *states: str) -> None:
    """One item for each state, on a Facebook Page and on a portal."""
    page = Account(
        unit_id=newsroom.unit,
        channel="facebook_page",
        name="Trang",
        remote_id="1",
        settings={"page_id": "1", "app_id": "2"},
        sealed_credentials=b"",
    )
    session.add(page)
    portal = await newsroom.portal("cong")
    await session.flush()
    for state in states:
        item, revision = await newsroom.item(title=f"Tin {state}")
        entry = await newsroom.rendition(item, revision, portal)
        await session.execute(
            text(
                "INSERT INTO rendition"
                " (id, revision_id, account_id, payload, hash, problems, made_at)"
                " VALUES (:id, :revision, :account, CAST(:payload AS jsonb), 'h', '[]', now())"
            ),
            {
                "id": (rendition := new_id()),
                "revision": revision.id,
                "account": page.id,
                "payload": json.dumps(dict(_post(item.code, f"Tin {state}"))),
            },
        )
        for account, shown in ((page.id, rendition), (portal.id, entry.id)):
            live = state == "live"
            session.add(
                Publication(
                    item_id=item.id,
                    account_id=account,
                    state=state,
                    desired_rendition_id=shown,
                    observed_generation=int(live),
                    observed_rendition_id=shown if live else None,
                    remote_id=item.code if live else None,
                    next_at=None if live else _AT,
                )
            )
    await session.commit()


async def test_a_restored_hub_is_fenced_and_looks_before_anything_else(
    loa: Loa,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    empty_database_url: str,
) -> None:
    newsroom = await Newsroom(session=session).open()
    await _publish(newsroom, session, "live", "scheduled", "pending")
    (tmp_path / "data/media/ab").mkdir(parents=True)
    (tmp_path / "data/media/ab/one.jpg").write_bytes(b"a picture")
    file = tmp_path / "loa.tar"
    assert loa("backup", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600

    monkeypatch.setenv("LOA_DATABASE_URL", empty_database_url)
    monkeypatch.setenv("LOA_DATA_DIR", str(tmp_path / "elsewhere"))
    said = loa("restore", str(file), "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["fenced"] is True
    assert told["uncertain"] == 2
    assert (tmp_path / "elsewhere/media/ab/one.jpg").read_bytes() == b"a picture"

    engine = create_async_engine(
        empty_database_url.replace("postgresql://", "postgresql+asyncpg://")
    )
    async with AsyncSession(engine) as restored:
        rows = await restored.execute(
            select(col(Account.channel), col(Publication.state), col(Publication.resends))
            .join(Publication, col(Publication.account_id) == col(Account.id))
            .order_by(col(Account.channel), col(Publication.state))
        )
        assert [(channel, state, resends > 1000) for channel, state, resends in rows] == [
            ("facebook_page", "live", False),
            ("facebook_page", "uncertain", True),
            ("facebook_page", "uncertain", True),
            ("portal_rss", "live", False),
            ("portal_rss", "pending", False),
            ("portal_rss", "scheduled", False),
        ]
        marks = list(await restored.scalars(select(col(Attempt.fingerprint))))
        assert len(marks) == 2
        assert all(mark is not None and mark["text"] for mark in marks)
        fences = list(await restored.scalars(select(col(Lane.fence))))
        assert min(fences) >= 1_000_000
        tokens = set(await restored.scalars(select(col(Account.token_state))))
        assert tokens == {"uncertain"}
        codes = list(await restored.scalars(text("SELECT last FROM item_code")))
        assert all(last >= 1000 for last in codes)
        assert len(list(await restored.scalars(select(col(Item.id))))) == 3
    await engine.dispose()

    assert json.loads(loa("status", "--json").out)["fenced"] is True
    assert loa("doctor").code == 1
    assert loa("audit", "verify").code == 0
    assert loa("restore", "--lift").code == 0
    assert json.loads(loa("status", "--json").out)["fenced"] is False


async def test_a_restore_never_writes_over_a_database_in_use(loa: Loa, tmp_path: Path) -> None:
    file = tmp_path / "loa.tar"
    assert loa("backup", str(file)).code == 0
    said = loa("restore", str(file))
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert loa("status").code == 0


def test_the_key_is_not_in_the_backup(loa: Loa, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret-key").write_text("a key that must stay where it is")
    file = tmp_path / "loa.tar"
    said = loa("backup", str(file))
    assert said.code == 0
    with tarfile.open(file) as tar:
        assert sorted(tar.getnames()) == ["database.dump", "manifest.json"]
    assert b"a key that must stay" not in file.read_bytes()


def test_an_existing_file_is_not_written_over(loa: Loa, tmp_path: Path) -> None:
    file = tmp_path / "loa.tar"
    file.write_text("something else")
    assert loa("backup", str(file)).code == 1
    assert file.read_text() == "something else"


def test_a_place_that_cannot_be_written_is_told_in_one_line(loa: Loa, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = loa("backup", str(tmp_path / "file/loa.tar"))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "Không ghi được tệp" in said.err


def test_a_file_may_be_called_what_the_restore_calls_its_values(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database_url: str
) -> None:
    file = tmp_path / "a:by:pulling'.tar"
    assert loa("backup", str(file)).code == 0
    monkeypatch.setenv("LOA_DATABASE_URL", empty_database_url)
    said = loa("restore", str(file), "--json")
    assert said.code == 0, said.err


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no tar at all", id="no tar"),
        pytest.param(gzip.compress(b"x" * 999, mtime=0)[:20], id="cut gzip"),
        pytest.param(None, id="missing"),
    ],
)
def test_what_is_no_backup_is_refused_in_one_line(
    loa: Loa, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "loa.tar"
    if content is None:
        with tarfile.open(file, "w") as tar:
            tar.add(__file__, "manifest.json")
    else:
        file.write_bytes(content)
    said = loa("restore", str(file))
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_a_cut_off_restore_leaves_an_empty_database(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database_url: str
) -> None:
    file = tmp_path / "loa.tar"
    assert loa("backup", str(file)).code == 0
    with tarfile.open(file) as tar:
        tar.extractall(tmp_path / "parts", filter="data")
    dump = tmp_path / "parts/database.dump"
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    broken = tmp_path / "broken.tar"
    with tarfile.open(broken, "w") as tar:
        for name in ("manifest.json", "database.dump"):
            tar.add(tmp_path / "parts" / name, name)
    shutil.rmtree(tmp_path / "parts")
    monkeypatch.setenv("LOA_DATABASE_URL", empty_database_url)
    assert loa("restore", str(broken)).code == 1
    assert loa("restore", str(file)).code == 0


def test_a_script_for_an_older_server_leaves_out_what_that_cannot_read(tmp_path: Path) -> None:
    script = tmp_path / "restore.sql"
    written = "SET lock_timeout = 0;\nSET transaction_timeout = 0;\nSET row_security = off;\n"
    script.write_text(written, encoding="utf-8")
    fit_to(script, 180_004)
    assert script.read_text(encoding="utf-8") == written
    fit_to(script, 150_018)
    commented = written.replace("SET transaction", "--  transaction")
    assert script.read_text(encoding="utf-8") == commented
