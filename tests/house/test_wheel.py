"""What travels in the wheel is enough: it is installed elsewhere, and draws a page there."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked

# Runs where only the wheel is: no file of the checkout can be found by accident.
SCRIPT = """
import json
from importlib.metadata import entry_points
from pathlib import Path
import services
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.content.body import parse
from services.delivery.public_item import PublicItem
from services.console.assets import Assets
from services.console.drawing import Drawing
from services.feeds.page import Pages
from services.staff.agency import Agency
from services.storage.columns import new_id
from services.storage import migrate
from shared.clock import utc_now

hub = Hub(open_work=None, registry=Registry.load({}), sealer=Sealer(b"k" * 32),
          media=MediaStore(Path("media")), public_url="http://loa.test", agency="Hoa Sen")
item = PublicItem(
    id=new_id(), revision=1, code="THU-2026-000001", kind="news",
    title="Lịch tiêm chủng", summary="Từ thứ hai.",
    category="y-te", tags=(), author="", unit="UBND phường", blocks=parse("Kính gửi **bà con**."),
    cover=None, media={}, document=None, published_at=utc_now(), corrected_at=None,
    correction_note="", posts=())
print(json.dumps({
    "from": services.__file__,
    "names": hub.registry.names(),
    "broken": dict(hub.registry.broken),
    "command": [point.value for point in entry_points(group="console_scripts", name="loa")],
    "newest": migrate.newest(),
    "page": Pages(hub).item(item, Agency()),
    "sign_in": Drawing(hub, Assets.load()).page("en", "sign_in.html", {"next": "/", "email": "",
        "fault": "", "otp": False, "step": "", "kept": [], "kept_path": "", "nobody": True}),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def told(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    target = tmp_path_factory.mktemp("installed")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-config"]
    subprocess.run(
        [*uv, "--no-deps", "--python", sys.executable, "--target", str(target), str(wheel)],
        check=True,
        cwd=elsewhere,
        env=os.environ | {"UV_CACHE_DIR": str(tmp_path_factory.mktemp("uv"))},
    )
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    read: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    assert str(read["from"]).startswith(str(target))
    return read


def test_every_file_of_the_product_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.relative_to(ROOT).parts[0] in ("services", "adapters", "shared")
    }
    assert sorted(ours - inside) == []


def test_tests_and_deployment_stay_at_home(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "services",
        "adapters",
        "shared",
    }


def test_the_installed_wheel_finds_its_channels_and_its_command(told: dict[str, object]) -> None:
    assert told["names"] == ["facebook_page", "portal_rss", "zalo_oa"]
    assert told["broken"] == {}
    assert "services.cli.main:run" in str(told["command"])


def test_the_installed_wheel_draws_an_item_and_knows_its_migrations(
    told: dict[str, object],
) -> None:
    assert "<strong>bà con</strong>" in str(told["page"])
    assert told["newest"]


def test_the_installed_wheel_draws_the_console_in_english(told: dict[str, object]) -> None:
    assert "Nobody is here yet" in str(told["sign_in"])
