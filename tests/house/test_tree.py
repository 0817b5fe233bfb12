"""What must not stand in any file: places of one machine, and where libraries come from."""

import json
import re

import pytest

from tests.house.tree import ROOT, texts

LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-node.txt")
# Folders in which people's checkouts live; an address (`https://host/home/`) is no such place.
MACHINE = re.compile(r"(?<![\w./:~*>-])/(?:home|Users|root|work|mnt|workspace)/\w")
INDEX = re.compile(
    r"https?://[^\s\"']+/simple\b|--(?:extra-)?index-url|--find-links|index[-_]url\s*=", re.I
)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_hashes_and_no_host(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert [line for line in lines if "://" in line or line.startswith("-")] == []
    assert [pin for pin in pins if "==" not in pin] == []
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins)


def test_the_lock_of_the_pages_names_hashes_and_no_host() -> None:
    told = json.loads((ROOT / "services/console/assets/package-lock.json").read_text())
    packages = {name: one for name, one in told["packages"].items() if name}
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if "integrity" not in one] == []
    asked = json.loads((ROOT / "services/console/assets/package.json").read_text())
    wanted = {**asked["dependencies"], **asked["devDependencies"]}
    assert [name for name, version in wanted.items() if not re.fullmatch(r"[\d.]+", version)] == []


def test_no_file_names_a_place_of_one_machine() -> None:
    here = str(ROOT)
    found = [
        f"{name}: {line.strip()[:120]}"
        for name, text in texts()
        for line in text.splitlines()
        if here in line or MACHINE.search(line)
    ]
    assert found == []


def test_no_file_names_an_index_of_packages() -> None:
    mine = "tests/house/test_tree.py"
    found = [
        f"{name}: {line.strip()[:120]}"
        for name, text in texts()
        if name != mine
        for line in text.splitlines()
        if INDEX.search(line)
    ]
    assert found == []
