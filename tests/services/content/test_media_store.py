import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.content.media_store import MediaStore
from shared.errors import NotFoundError


def test_what_was_put_is_read_by_its_hash(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")
    sha256 = store.put(b"picture", "jpg")
    assert sha256 == hashlib.sha256(b"picture").hexdigest()
    assert store.read(sha256, "jpg") == b"picture"
    assert store.path(sha256, "jpg").stat().st_mode & 0o777 == 0o644


def test_putting_twice_and_at_once_leaves_one_file(tmp_path: Path) -> None:
    store = MediaStore(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.put(b"the same", "jpg"), range(40)))
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".jpg"]


@pytest.mark.parametrize(
    ("sha256", "ext"),
    [
        ("../../etc/passwd", "jpg"),
        ("a" * 64, "svg"),
        ("a" * 64, "jpg/../../x"),
        ("A" * 64, "jpg"),
        ("a" * 63, "jpg"),
        ("a" * 64 + "\n", "jpg"),
        ("", ""),
    ],
)
def test_what_can_be_no_name_of_ours_is_not_looked_for(
    tmp_path: Path, sha256: str, ext: str
) -> None:
    with pytest.raises(NotFoundError):
        MediaStore(tmp_path).path(sha256, ext)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        MediaStore(tmp_path).read("a" * 64, "jpg")
