"""`loa backup` and `loa restore`: one file that holds the database and the media, and not the key.

A restored hub believes old things: posts may stand on channels that it does not know of. So the
restore and its fence are one transaction: until a person lifts the fence nothing is sent, and what
had no end in the backup is looked up on its channel and never sent again by itself (R62;
architecture.md section 4, "Restore").
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import asyncpg
import typer
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.registry import Registry
from services.cli import place
from services.cli.opening import (
    Opening,
    at_hub,
    at_terminal,
    check_schema,
    database,
    prepared,
    readable_schema,
)
from services.cli.telling import AsJson, Data, say, tell
from services.delivery import switches
from services.delivery.hub import Hub
from services.storage import migrate
from services.storage.columns import new_id
from services.storage.embedded import packaged_programs
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from shared.errors import ConflictError, InvalidError, LoaError

_FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_DUMP: Final = "database.dump"
_MEDIA: Final = "media"
_FENCE_JUMP: Final = 1_000_000
_CODE_JUMP: Final = 1_000
_KNOWS_TIMEOUT: Final = 170_000
_HEAD_BYTES: Final = 4096
# Above any number of tries again: proven absence then leads to a person (`looking.py`).
_NEVER_AGAIN: Final = 1_000_000

# In the transaction of the restore itself. Portals pull what we hold: nothing of theirs is unknown.
# A dump leaves the search path empty.
_AFTER: Final = """
SET search_path = public;
INSERT INTO switch (name, reason, by, at) VALUES ('fence', :reason, :by, now())
  ON CONFLICT (name) DO UPDATE SET reason = excluded.reason, by = excluded.by, at = now();
UPDATE lane SET fence = fence + {fence_jump}, owner = NULL, until = now(),
                baseline = NULL, baseline_at = NULL;
UPDATE item_code SET last = last + {code_jump};
UPDATE account SET token_state = 'uncertain', token_until = NULL
 WHERE stage <> 'closed' AND token_state IN ('ok', 'renewing');
UPDATE publication SET may_be_visible = true
 WHERE state IN ('failed', 'expired')
   AND account_id IN (SELECT id FROM account WHERE channel <> ALL (:pulling));
UPDATE revision SET state = 'returned', return_reason = :reason WHERE state = 'review';
UPDATE publication SET state = 'pending'
 WHERE state = 'scheduled'
   AND account_id IN (SELECT id FROM account WHERE channel <> ALL (:pulling));
UPDATE publication
   SET state = 'uncertain', problem_code = 'worker_lost', problem_at = now(), left_at = now(),
       next_at = now(), looks = 0, absences = 0, resends = {never_again}, final = false,
       may_be_visible = true
 WHERE state IN ('pending', 'sending', 'uncertain')
   AND account_id IN (SELECT id FROM account WHERE channel <> ALL (:pulling));
"""

# What the lost hub may have sent since the backup left no attempt here. Its fingerprint is what the
# channel is searched for.
_UNTRIED = text(
    """
    SELECT p.id, p.account_id, p.generation, p.urgent, account.channel, r.id AS rendition_id,
           r.hash, r.payload, p.remote_id IS NOT NULL AS known,
           coalesce((SELECT max(a.no) FROM attempt a
                      WHERE a.publication_id = p.id AND a.generation = p.generation), 0) AS last_no,
           (SELECT max(fence) FROM lane WHERE lane.account_id = p.account_id) AS fence
      FROM publication p
      JOIN account ON account.id = p.account_id
      JOIN rendition r ON r.id = p.desired_rendition_id
     WHERE p.state = 'uncertain'
       AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.publication_id = p.id
                        AND (a.ended_at IS NULL OR (a.generation = p.generation
                             AND a.outcome NOT IN ('absent','not_sent','rejected'))))
    """
)
_MAY_HAVE_TRIED = text(
    """
    INSERT INTO attempt (id, publication_id, account_id, generation, no, operation, calling,
                         repeatable, handle, rendition_id, rendition_hash, fingerprint, urgent,
                         fence, waits, started_at)
    VALUES (:id, :publication, :account, :generation, :no, :operation, 'lost hub', false, '{}',
            :rendition, :hash, CAST(:fingerprint AS jsonb), :urgent, :fence, 0, :since)
    """
)


class _Manifest(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int
    schema_revision: str
    taken_at: AwareDatetime
    public_url: str
    media_count: int


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="Tệp sẽ được tạo · The file to make.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Sao lưu cơ sở dữ liệu và tệp ảnh, không gồm khoá · Back up the database and the media."""
    opening = prepared(data)
    if file.exists():
        raise ConflictError("backup_exists", file=file)
    with (
        database(opening, make=False) as url,
        tempfile.TemporaryDirectory(prefix="loa-backup-") as scratch,
    ):
        asyncio.run(check_schema(url))
        dump = Path(scratch) / _DUMP
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
        # Media are named by what they hold and never change: taken after the database, they are at
        # least all that it names.
        pictures = sorted(
            one
            for one in (opening.folder / _MEDIA).rglob("*")
            if one.is_file() and not one.name.startswith(".")
        )
        manifest = _Manifest(
            format=_FORMAT,
            schema_revision=migrate.newest(),
            taken_at=utc_now(),
            public_url=opening.public_url,
            media_count=len(pictures),
        )
        _pack(file, manifest, dump, pictures, opening.folder)
    tell(
        {"file": file, "bytes": file.stat().st_size, **manifest.model_dump(mode="json")},
        as_json=as_json,
        line=f"Đã sao lưu vào {file} ({file.stat().st_size / 1e6:.1f} MB) · Backed up. "
        f"{_key_reminder(opening)}",
    )


def restore(
    file: Annotated[
        Path | None, typer.Argument(help="Tệp sao lưu · The backup.", metavar="FILE")
    ] = None,
    lift: Annotated[
        bool, typer.Option("--lift", help="Bỏ rào sau khi đã soát · Lift the fence.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Phục hồi vào nơi trống; hệ thống đứng sau rào tới khi --lift · Restore; it starts fenced."""
    if lift == (file is not None):
        raise typer.BadParameter("loa restore FILE, hoặc · or: loa restore --lift")
    if file is None:
        _lift(data)
        tell(
            {"fenced": False},
            as_json=as_json,
            line="Đã bỏ rào, việc đăng chạy tiếp · The fence is lifted, publishing goes on",
        )
        return
    opening = prepared(data)
    with tempfile.TemporaryDirectory(prefix="loa-restore-") as scratch:
        manifest = _unpack(file, Path(scratch))
        if manifest.format > _FORMAT or manifest.schema_revision > migrate.newest():
            raise ConflictError("restore_newer", found=manifest.schema_revision)
        with database(opening) as url:
            counts = _restored(opening, url, manifest, file, Path(scratch))
    tell(
        {"fenced": True, "taken_at": manifest.taken_at, **counts},
        as_json=as_json,
        line=f"Đã phục hồi bản lúc {manifest.taken_at:%Y-%m-%d %H:%M} UTC; Loa đứng sau rào, chưa "
        f"gửi gì. {counts['uncertain']} lượt đăng cần đọc lại kênh. Soát bằng loa status rồi chạy "
        "loa restore --lift · Restored and fenced: nothing is sent until loa restore --lift",
    )
    if not as_json:
        say(_key_needed(opening))


def _lift(data: Path | None) -> None:
    async def work(hub: Hub) -> None:
        async with hub.open_work() as session:
            await switches.fence_off(session, at_terminal(), "loa restore --lift")

    at_hub(data, work)


def _restored(
    opening: Opening, url: str, manifest: _Manifest, file: Path, scratch: Path
) -> Mapping[str, int]:
    asyncio.run(readable_schema(url))
    server = asyncio.run(_need_empty(url))
    plain = scratch / "restore.sql"
    _run(
        "pg_restore",
        url,
        "--no-owner",
        "--no-privileges",
        f"--file={plain}",
        str(scratch / _DUMP),
        connects=False,
    )
    fit_to(plain, server)
    after = scratch / "after.sql"
    reason = f"Phục hồi từ bản sao lưu lúc {manifest.taken_at:%Y-%m-%d %H:%M} UTC ({file.name})"
    after.write_text(_after_sql(opening.registry, reason), encoding="utf-8")
    _media_into(scratch / _MEDIA, opening.folder / _MEDIA)
    _run(
        "psql",
        url,
        "--no-psqlrc",
        "--quiet",
        "--output=/dev/null",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        f"--file={plain}",
        f"--file={after}",
    )
    asyncio.run(migrate.upgrade(url))
    return asyncio.run(_settled(opening, url, manifest, reason))


async def _settled(
    opening: Opening, url: str, manifest: _Manifest, reason: str
) -> Mapping[str, int]:
    """Notes what the lost hub may have tried, and writes the fence into the record."""
    engine = make_engine(url, size=4, application="loa-restore")
    try:
        async with opener(engine)() as session:
            await _note_untried(session, opening.registry, manifest.taken_at)
            await switches.fence_on(session, at_terminal(), reason)
            rows = await session.execute(
                text("SELECT state, count(*) AS total FROM publication GROUP BY state")
            )
            counts: dict[str, int] = {row.state: row.total for row in rows}
        return {"live": 0, "uncertain": 0, "undecided": 0} | counts
    finally:
        await engine.dispose()


async def _note_untried(session: AsyncSession, registry: Registry, since: datetime) -> None:
    for row in (await session.execute(_UNTRIED)).all():
        try:
            mark = registry.get(row.channel).fingerprint(row.payload)
        except LoaError:  # an adapter that is not installed here: a person will decide
            continue
        fingerprint = {"link": mark.link, "text": mark.text, "picture_count": mark.picture_count}
        await session.execute(
            _MAY_HAVE_TRIED,
            {
                "id": new_id(),
                "publication": row.id,
                "account": row.account_id,
                "generation": row.generation,
                "no": row.last_no + 1,
                "operation": "update" if row.known else "publish",
                "rendition": row.rendition_id,
                "hash": row.hash,
                "fingerprint": json.dumps(fingerprint, ensure_ascii=False),
                "urgent": row.urgent,
                "fence": row.fence,
                "since": since,
            },
        )


def _after_sql(registry: Registry, reason: str) -> str:
    pulling = [name for name in registry.names() if registry.get(name).pull]
    statement = _AFTER.format(
        fence_jump=_FENCE_JUMP, code_jump=_CODE_JUMP, never_again=_NEVER_AGAIN
    )
    listed = ", ".join(_quoted(name) for name in pulling)
    told = {
        ":reason": _quoted(reason),
        ":by": _quoted(at_terminal().name),
        ":pulling": f"ARRAY[{listed}]::text[]",
    }
    # In one go: the reason holds the name of a file, and that may hold anything.
    return re.sub("|".join(told), lambda found: told[found[0]], statement)


def _quoted(value: str) -> str:
    """A text as SQL writes it (standard_conforming_strings is on since PostgreSQL 9.1)."""
    return "'" + value.replace("'", "''") + "'"


def fit_to(script: Path, server: int) -> None:
    """Takes out of a script's first lines what a server of this version (as 150004) cannot read.

    Our `pg_restore` is newer than the oldest server that we promise to run on (contract.md section
    3), and writes this line for any. Source: PostgreSQL 17 release notes, `transaction_timeout`.
    """
    if server >= _KNOWS_TIMEOUT:
        return
    with script.open("r+b") as opened:
        head = opened.read(_HEAD_BYTES)
        opened.seek(0)
        opened.write(head.replace(b"\nSET transaction_timeout", b"\n--  transaction_timeout"))


async def _need_empty(url: str) -> int:
    """The server's version, as 150004; refuses a database that holds something."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetchval(
            "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public'"
        )
        version = await connection.fetchval("SHOW server_version_num")
    finally:
        await connection.close()
    if tables:
        raise ConflictError("restore_not_empty")
    return int(version)


def _pack(
    file: Path, manifest: _Manifest, dump: Path, pictures: Sequence[Path], folder: Path
) -> None:
    """One tar, written beside and moved into place whole; readable by its owner alone."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    told = dump.with_name(_MANIFEST)
    told.write_text(manifest.model_dump_json(indent=2))
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as written:
            with tarfile.open(fileobj=written, mode="w") as tar:
                tar.add(told, _MANIFEST)
                tar.add(dump, _DUMP)
                for picture in pictures:
                    tar.add(picture, str(picture.relative_to(folder)))
            written.flush()
            os.fsync(written.fileno())
        draft.replace(file)
    except OSError as error:
        raise InvalidError("file_unwritable", file=file, reason=error.strerror) from error
    finally:
        with contextlib.suppress(OSError):  # nor can it be there, where it could not be made
            draft.unlink()


def _unpack(file: Path, scratch: Path) -> _Manifest:
    try:
        with tarfile.open(file) as tar:
            # Refuses what would land outside, links and devices (PEP 706).
            tar.extractall(scratch, filter="data")
        manifest = _Manifest.model_validate_json((scratch / _MANIFEST).read_bytes())
    # A damaged compressed file, should somebody have compressed ours, ends as one of the last two.
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidError("backup_unreadable", file=file, reason=type(error).__name__) from error
    except ValidationError as error:
        raise InvalidError("backup_unreadable", file=file, reason=_MANIFEST) from error
    if not (scratch / _DUMP).is_file():
        raise InvalidError("backup_unreadable", file=file, reason=_DUMP)
    return manifest


def _media_into(source: Path, target: Path) -> None:
    for picture in source.rglob("*"):
        if picture.is_file():
            place_of = target / picture.relative_to(source)
            place_of.parent.mkdir(parents=True, exist_ok=True)
            place_of.write_bytes(picture.read_bytes())


def _run(program: str, url: str, *words: str, connects: bool = True) -> None:
    """Runs one of PostgreSQL's own programs; the password travels in its environment."""
    parts = urlsplit(url)
    # The address goes as it was given: what its query says, `sslmode` above all, holds here too.
    user, at, place_of = parts.netloc.rpartition("@")
    address = parts._replace(netloc=f"{user.partition(':')[0]}{at}{place_of}").geturl()
    where = {
        "PGPASSWORD": unquote(parts.password or ""),
        "PGCLIENTENCODING": "UTF8",
        "PGOPTIONS": "-c client_min_messages=warning",
    }
    done = subprocess.run(
        [packaged_programs() / program, *([f"--dbname={address}"] if connects else []), *words],
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **(where if connects else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        told = done.stderr.strip().splitlines()
        raise ConflictError("backup_program", program=program, reason=told[0] if told else "?")


def _key_reminder(opening: Opening) -> str:
    where = (
        "LOA_SECRET_KEY" if opening.settings.secret_key else str(opening.folder / place.KEY_FILE)
    )
    return (
        f"Khoá không nằm trong tệp: cất riêng {where} · The key is not in it: keep that one apart"
    )


def _key_needed(opening: Opening) -> str:
    if opening.settings.secret_key or place.has_key(opening.folder):
        return "Cần đúng khoá cũ để mở mật khẩu của kênh · The old key is needed for credentials"
    return (
        f"Chép khoá cũ vào {opening.folder / place.KEY_FILE} trước khi chạy loa up · Put the old "
        "key there before loa up"
    )
