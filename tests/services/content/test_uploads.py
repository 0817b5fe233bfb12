import os
from datetime import timedelta
from pathlib import Path

import pytest

from services.content import uploads
from services.content.media import VIDEO_BYTES
from services.content.media_store import MediaStore
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.errors import InvalidError, NotFoundError

KEY = "abcdefgh12"


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path)


async def test_pieces_join_in_order_and_each_is_kept_once(store: MediaStore) -> None:
    me, now = new_id(), utc_now()
    assert await uploads.arrived(store, me, KEY) == 0
    assert await uploads.append(store, me, KEY, offset=0, data=b"mot-", now=now) == 4
    # The answer was lost, so the piece comes again; and one comes too early.
    assert await uploads.append(store, me, KEY, offset=0, data=b"mot-", now=now) == 4
    assert await uploads.append(store, me, KEY, offset=9, data=b"chin", now=now) == 4
    assert await uploads.append(store, me, KEY, offset=4, data=b"hai", now=now) == 7
    assert await uploads.whole(store, me, KEY) == b"mot-hai"
    assert await uploads.arrived(store, new_id(), KEY) == 0
    await uploads.forget(store, me, KEY)
    await uploads.forget(store, me, KEY)
    with pytest.raises(NotFoundError):
        await uploads.whole(store, me, KEY)


@pytest.mark.parametrize("key", ["", "short", "../../../etc/passwd", "a" * 65, "ABCDEFGHIJ", "a.b"])
async def test_a_name_of_a_piece_is_no_path(store: MediaStore, key: str) -> None:
    with pytest.raises(NotFoundError):
        await uploads.arrived(store, new_id(), key)


async def test_nobody_fills_the_disk_with_halves(store: MediaStore) -> None:
    me, now = new_id(), utc_now()
    await uploads.append(store, me, KEY, offset=0, data=b"x" * (VIDEO_BYTES - 1), now=now)
    with pytest.raises(InvalidError):
        await uploads.append(store, me, KEY, offset=VIDEO_BYTES - 1, data=b"xx", now=now)
    for no in range(19):
        await uploads.append(store, me, f"tep00000{no:02}", offset=0, data=b"x", now=now)
    with pytest.raises(InvalidError):
        await uploads.append(store, me, "themmotnua", offset=0, data=b"x", now=now)
    assert await uploads.append(store, new_id(), KEY, offset=0, data=b"x", now=now) == 1


async def test_what_nobody_goes_on_with_for_a_day_is_taken_away(store: MediaStore) -> None:
    me, now = new_id(), utc_now()
    await uploads.append(store, me, KEY, offset=0, data=b"cu", now=now)
    old = (now - timedelta(hours=25)).timestamp()
    for one in store.pieces.iterdir():
        os.utime(one, (old, old))
    await uploads.append(store, new_id(), "tepmoi0001", offset=0, data=b"moi", now=now)
    assert await uploads.arrived(store, me, KEY) == 0
