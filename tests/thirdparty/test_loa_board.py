"""A channel by a stranger joins by its entry point alone: nothing in `services` knows of it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "loa-board"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the stranger's package as an installer lays it out; built offline."""
    target = tmp_path_factory.mktemp("installed")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-config"]
    how = ["--no-deps", "--no-build-isolation", "--python", sys.executable]
    subprocess.run(
        [*uv, *how, "--target", str(target), str(PACKAGE)],
        check=True,
        cwd=ROOT,
        env=os.environ | {"UV_CACHE_DIR": str(tmp_path_factory.mktemp("uv"))},
    )
    return target


@pytest.fixture(scope="module")
async def told(
    installed: Path, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, object]:
    """What a process with that folder on its path has seen."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.thirdparty.journey",
        database_url,
        str(tmp_path_factory.mktemp("media")),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(installed)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, trouble = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, trouble.decode()
    read: Mapping[str, object] = json.loads(out.splitlines()[-1])
    return read


def test_the_package_is_found_by_its_entry_point(
    told: Mapping[str, object], installed: Path
) -> None:
    assert told["names"] == ["board", "facebook_page", "portal_rss", "zalo_oa"]
    assert told["broken"] == {}
    assert str(told["file"]).startswith(str(installed))


def test_its_variable_and_abilities_are_known(told: Mapping[str, object]) -> None:
    assert "LOA_BOARD_URL" in str(told["variables"])
    assert told["abilities"] == ["publish", "update", "withdraw", "look", "check"]


def test_it_keeps_every_promise(told: Mapping[str, object]) -> None:
    assert (told["pure"], told["live"]) == ([], [])


def test_an_item_is_published_corrected_and_withdrawn_by_the_real_loop(
    told: Mapping[str, object],
) -> None:
    assert told["seen"] == {
        "published": {"thon-dong-1": "Lịch tiếp dân"},
        "corrected": {"thon-dong-1": "Lịch tiếp dân đã đổi"},
        "withdrawn": {},
        "after a lost answer": {"thon-dong-2": "Bài có biên nhận bị mất"},
    }


def test_nothing_in_the_hub_names_it() -> None:
    roots = (ROOT / "services", ROOT / "adapters", ROOT / "shared")
    files = [path for root in roots for path in root.rglob("*.py")]
    naming = [str(path) for path in files if "loa_board" in path.read_text()]
    assert (len(files) > 100, naming) == (True, [])
