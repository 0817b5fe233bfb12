"""The commands about signed records, over a real database and over files alone."""

import asyncio
import json
from pathlib import Path

import pytest

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.proof import keys, ledger
from services.proof.records import instant
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from tests.services.cli.conftest import KEY, Loa
from tests.support.newsroom import Newsroom


@pytest.fixture
def saved(loa: Loa, fresh_database_url: str, tmp_path: Path) -> Path:
    """A folder with an item's records and the keys, as a citizen has saved them."""

    async def publish() -> None:
        engine = make_engine(fresh_database_url, size=4)
        hub = Hub(
            open_work=opener(engine),
            registry=Registry.load({}),
            sealer=Sealer(KEY.encode()),
            media=MediaStore(tmp_path),
            public_url="https://loa.example.gov.vn",
        )
        async with hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            item, _ = await newsroom.item(
                title="Lịch tiếp dân", summary="", body="Thứ năm.", published_at=utc_now()
            )
        await ledger.catch_up(hub)
        async with hub.open_work() as session:
            told = await ledger.history(session, item.code)
            known = await keys.published(session)
        rows = [
            {"kid": one.id, "public_hex": one.raw.hex(), "valid_from": instant(one.since)}
            for one in known
        ]
        (tmp_path / "record.json").write_bytes(told or b"")
        (tmp_path / "loa-keys.json").write_text(json.dumps({"keys": rows}))
        await engine.dispose()

    asyncio.run(publish())
    return tmp_path


def test_a_saved_record_is_verified_offline_and_an_altered_one_refused(
    loa: Loa, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A journalist's machine has the two files and nothing else.
    monkeypatch.setenv("LOA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    record, known = saved / "record.json", ("--keys", str(saved / "loa-keys.json"))
    (saved / "same.txt").write_text("Lịch tiếp dân:  thứ năm", encoding="utf-8")
    (saved / "other.txt").write_text("Lịch tiếp dân: thứ sáu", encoding="utf-8")

    sound = loa("record", "verify", str(record), *known, "--text", str(saved / "same.txt"))
    other = loa("record", "verify", str(record), *known, "--text", str(saved / "other.txt"))
    record.write_bytes(record.read_bytes().replace("Lịch".encode(), b"Lich"))
    altered = loa("record", "verify", str(record), *known)
    as_json = loa("record", "verify", str(record), *known, "--json")

    assert (sound.code, other.code, altered.code, as_json.code) == (0, 1, 1, 1)
    assert "Lịch tiếp dân" in sound.out
    assert "chữ ký không khớp" in altered.out
    assert json.loads(as_json.out)["fault"] == "signature"


def test_a_replaced_key_still_verifies_and_a_changed_key_file_does_not(
    loa: Loa, saved: Path
) -> None:
    rotated = loa("record", "rotate", "--json")
    by_hub = loa("record", "verify", str(saved / "record.json"))
    file = saved / "loa-keys.json"
    row = json.loads(file.read_text())["keys"][0]
    file.write_text(json.dumps({"keys": [{**row, "public_hex": "00" * 32}]}))
    false_keys = loa("record", "verify", str(saved / "record.json"), "--keys", str(file))

    assert rotated.code == 0, rotated.err
    assert json.loads(rotated.out)["key"] != row["kid"]
    assert by_hub.code == 0, by_hub.out
    assert false_keys.code == 2
