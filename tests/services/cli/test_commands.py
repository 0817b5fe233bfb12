"""What each command does to a real database, and how it says so."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from services.cli import words
from shared.contract.messages import Probe
from tests.services.cli.conftest import Loa, run

_PORTAL = json.dumps(
    {"settings": {"slug": "cong", "title": "Tin Hoa Sen", "link": "https://cong.example.gov.vn"}}
)
_ITEM = """---
title: Lịch tiếp công dân tháng 12
summary: Ủy ban nhân dân tỉnh tiếp công dân vào thứ Năm hằng tuần.
kind: news
tags: [tiếp công dân, lịch]
cover: bia.jpg
cover_alt: Phòng tiếp công dân
accounts: [Cổng Hoa Sen]
publish_at: 2026-12-01 08:00
---
Bà con mang theo **căn cước**.

![Bảng lịch treo ở sảnh](bang.jpg "Lịch có ở sảnh")

![Không phải tệp của ta](https://example.gov.vn/video "xem")
"""


@pytest.fixture
def team(loa: Loa) -> Loa:
    """A unit, an editor and a portal."""
    assert loa("unit", "add", "HOASEN", "Ủy ban nhân dân tỉnh Hoa Sen").code == 0
    added = loa("user", "add", "ha@hoasen.example", "--name", "Lê Thu Hà", "--roles", "editor")
    assert added.code == 0, added.err
    account = ("account", "add", "portal_rss", "Cổng Hoa Sen", "--unit", "HOASEN")
    assert loa(*account, stdin=_PORTAL).code == 0
    return loa


@pytest.fixture
def manuscript(tmp_path: Path) -> Path:
    """An item's file with its two pictures beside it."""
    from services.sandbox.demo import pictures

    folder = tmp_path / "tin"
    folder.mkdir()
    picture = pictures.draw(pictures.NAMES[0])
    (folder / "bia.jpg").write_bytes(picture)
    (folder / "bang.jpg").write_bytes(picture)
    file = folder / "lich.md"
    file.write_text(_ITEM, encoding="utf-8")
    return file


def test_a_password_may_come_on_standard_input_and_is_not_shown(team: Loa) -> None:
    said = team(
        *("user", "add", "quan@hoasen.example", "--name", "Trần Minh Quân"),
        *("--roles", "approver", "--unit", "HOASEN", "--password-stdin", "--json"),
        stdin="mot cau rat de nho\n",
    )
    assert said.code == 0
    assert json.loads(said.out)["roles"] == ["approver"]
    assert "mot cau" not in said.out


def test_a_password_that_is_no_text_and_a_person_without_a_role_are_refused(team: Loa) -> None:
    person = ("user", "add", "quan@hoasen.example", "--name", "Quân", "--unit", "HOASEN")
    said = team(*person, "--roles", "approver", "--password-stdin", stdin="\udcff\udcfe" * 9)
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "UTF-8" in said.err
    said = team(*person, "--roles", " , ")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "vai trò" in said.err


def test_a_made_password_is_told_once(team: Loa) -> None:
    words_given = ("user", "add", "son@hoasen.example", "--name", "Sơn", "--roles", "admin")
    said = team(*words_given, "--json")
    assert len(json.loads(said.out)["password"]) >= 12


def test_a_lost_phone_is_reset_by_the_operator(team: Loa) -> None:
    said = team("user", "reset-otp", "ha@hoasen.example", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["was_on"] is False
    assert team("user", "reset-otp", "ai@hoasen.example").code == 1
    assert "ha@hoasen.example" in team("user", "reset-otp", "ha@hoasen.example").out


def test_a_token_is_printed_alone(team: Loa) -> None:
    said = team("token", "add", "ha@hoasen.example", "--name", "bot", "--scopes", "draft:write")
    assert said.code == 0
    assert said.out.startswith("loa_")
    assert said.out.count("\n") == 1


def test_no_token_can_approve(team: Loa) -> None:
    said = team("token", "add", "ha@hoasen.example", "--name", "bot", "--scopes", "item:approve")
    assert said.code == 1
    assert "draft:write" in said.err


def test_an_account_is_listed_without_its_secrets(team: Loa) -> None:
    given = json.loads(_PORTAL)
    given["settings"]["slug"] = "kin"
    given["credentials"] = {"fetch_key": "mot-khoa-doc-rat-rieng-tu"}
    assert (
        team(
            *("account", "add", "portal_rss", "Cổng kín", "--unit", "HOASEN"),
            stdin=json.dumps(given),
        ).code
        == 0
    )
    said = team("account", "list", "--json")
    assert {one["name"] for one in json.loads(said.out)} == {"Cổng Hoa Sen", "Cổng kín"}
    assert "mot-khoa-doc" not in said.out


def test_an_account_that_cannot_be_is_refused_with_its_field(team: Loa) -> None:
    given = json.dumps({"settings": {"slug": "Không Hợp Lệ", "title": "x", "link": "https://a.vn"}})
    said = team("account", "add", "portal_rss", "Khác", "--unit", "HOASEN", stdin=given)
    assert said.code == 1
    assert "settings.slug" in said.err


@pytest.mark.parametrize(
    "given", ["", "[]", "\udcff", '{"credentials": {}}', '{"settings": {}, "x": 1}']
)
def test_unreadable_input_is_refused_in_one_line(team: Loa, given: str) -> None:
    said = team("account", "add", "portal_rss", "Khác", "--unit", "HOASEN", stdin=given)
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert said.err.startswith("loa: Không đọc được JSON" if given != "\udcff" else "loa: Đầu vào")
    assert "_Given" not in said.err


def test_the_outlet_of_an_account_has_one_writer(team: Loa) -> None:
    said = team("account", "add", "portal_rss", "Cổng thứ hai", "--unit", "HOASEN", stdin=_PORTAL)
    assert said.code == 1
    assert said.err.count("\n") == 1


def test_an_account_can_be_checked(team: Loa) -> None:
    said = team("account", "check", "Cổng Hoa Sen", "--json")
    assert said.code == 0
    assert json.loads(said.out)["ok"] is True


def test_a_markdown_file_becomes_a_draft_with_its_pictures(team: Loa, manuscript: Path) -> None:
    said = team("item", "add", str(manuscript), "--json")
    assert said.code == 0, said.err
    added = json.loads(said.out)
    assert added["code"] == "HOASEN-2026-000001" or added["code"].endswith("-000001")
    status = json.loads(team("status", added["code"], "--json").out)["items"][0]
    assert status["state"] == "draft"
    assert status["title"] == "Lịch tiếp công dân tháng 12"
    stored = sorted(one.suffix for one in (manuscript.parents[1] / "data/media").rglob("*.jpg"))
    assert stored  # the same picture twice is kept once
    assert team("status").code == 0


def test_an_item_is_written_by_the_first_editor_unless_another_is_named(
    team: Loa, manuscript: Path
) -> None:
    more = ("user", "add", "mai@hoasen.example", "--name", "Mai", "--roles", "editor")
    assert team(*more).code == 0
    said = team("item", "add", str(manuscript))
    assert said.code == 0, said.err
    assert "ha@hoasen.example" in said.out
    named = team("item", "add", str(manuscript), "--as", "mai@hoasen.example", "--json")
    assert json.loads(named.out)["written_by"] == "mai@hoasen.example"


def test_a_cover_may_go_undescribed_and_lists_may_be_written_in_one_line(
    team: Loa, manuscript: Path
) -> None:
    text = _ITEM.replace("cover_alt: Phòng tiếp công dân\n", "")
    text = text.replace("[tiếp công dân, lịch]", "tiếp công dân, lịch")
    manuscript.write_text(text.replace("[Cổng Hoa Sen]", "Cổng Hoa Sen"), encoding="utf-8")
    said = team("item", "add", str(manuscript))
    assert said.code == 0, said.err


async def test_a_picture_may_be_named_with_spaces_or_as_in_an_address(
    team: Loa, manuscript: Path, fresh_database_url: str
) -> None:
    (manuscript.parent / "bang.jpg").rename(manuscript.parent / "bảng lịch.jpg")
    (manuscript.parent / "bia.jpg").rename(manuscript.parent / "bìa 1.jpg")
    text = _ITEM.replace("(bang.jpg", "(<bảng lịch.jpg>").replace("bia.jpg", "b%C3%ACa%201.jpg")
    text = text.replace("[Cổng Hoa Sen]", "[Cổng Hoa Sen, Cổng Hoa Sen]")
    manuscript.write_text(text, encoding="utf-8")
    said = team("item", "add", str(manuscript))
    assert said.code == 0, said.err
    connection = await asyncpg.connect(fresh_database_url)
    row = await connection.fetchrow("SELECT body, accounts::text AS accounts FROM revision")
    await connection.close()
    assert row is not None
    assert "](media:" in row["body"]
    assert "jpg" not in row["body"]
    assert row["accounts"].count("-") == 4  # one id


def test_a_picture_from_elsewhere_on_the_machine_is_not_taken(team: Loa, manuscript: Path) -> None:
    secret = manuscript.parents[1] / "secret.jpg"
    secret.write_bytes((manuscript.parent / "bia.jpg").read_bytes())
    manuscript.write_text(_ITEM.replace("bang.jpg", "../secret.jpg"), encoding="utf-8")
    said = team("item", "add", str(manuscript))
    assert said.code == 1
    assert "../secret.jpg" in said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no front matter", "---"),
        ("---\ntitle: [\n---\n", "front"),
        ("---\ntitle: Hôm nay: trời đẹp\n---\n", "dòng 2 không đọc được"),
        ("---\nsummary: x\n---\n", "title: cần có mục này"),
        ("---\ntitle: x\nsubtitle: y\n---\n", "subtitle: không có mục này"),
        ("---\ntitle: x\nkind: poem\n---\n", "kind: phải là một trong"),
        ("---\ntitle: x\npublish_at: mai\n---\n", "publish_at: cần thời điểm"),
        ("---\ntitle: x\naccounts: [Không có]\n---\n", "Không có"),
        ("---\ntitle: x\ncover: mat.jpg\ncover_alt: y\n---\n", "mat.jpg"),
    ],
)
def test_a_file_that_cannot_be_an_item_is_refused_with_the_reason(
    team: Loa, tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "tin.md"
    file.write_text(text, encoding="utf-8")
    said = team("item", "add", str(file))
    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1
    assert json.loads(team("status", "--json").out)["items"] == []


def test_a_freeze_is_seen_and_lifted(team: Loa) -> None:
    assert team("freeze", "Diễn tập").code == 0
    assert json.loads(team("status", "--json").out)["frozen"] is True
    assert team("doctor").code == 1
    assert team("unfreeze").code == 0
    assert json.loads(team("status", "--json").out)["frozen"] is False


def test_the_doctor_is_content_with_a_sound_hub(team: Loa) -> None:
    said = team("doctor", "--json")
    found = json.loads(said.out)
    assert found["ok"], found
    assert said.code == 0
    assert {"configuration", "database", "clock", "disk"} <= {
        finding["name"] for finding in found["findings"]
    }


def test_the_audit_chain_is_walked(team: Loa) -> None:
    said = team("audit", "verify", "--json")
    assert said.code == 0
    verdict = json.loads(said.out)
    assert verdict["ok"] is True
    assert verdict["count"] >= 3


async def test_a_broken_chain_is_told_with_its_first_bad_entry(
    team: Loa, fresh_database_url: str
) -> None:
    connection = await asyncpg.connect(fresh_database_url)
    await connection.execute("SET session_replication_role = replica")  # past the triggers
    await connection.execute("UPDATE audit_entry SET act = 'item.approved' WHERE seq = 2")
    await connection.close()
    said = team("audit", "verify", "--json")
    assert said.code == 1
    assert json.loads(said.out)["first_bad_seq"] == 2


def test_migrating_twice_changes_nothing(loa: Loa) -> None:
    assert loa("migrate").code == 0
    assert loa("migrate").code == 0


def test_commands_over_an_old_schema_say_what_to_do(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("LOA_DATABASE_URL", empty_database_url)
    said = loa("status")
    assert said.code == 1
    assert "loa migrate" in said.err
    assert "LOA_DATABASE_URL" in said.err
    assert loa("migrate").code == 0
    assert loa("status").code == 0


async def test_a_schema_of_a_newer_loa_is_told_as_such(loa: Loa, fresh_database_url: str) -> None:
    connection = await asyncpg.connect(fresh_database_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    for words_given in (("status",), ("migrate",)):
        said = loa(*words_given)
        assert (said.code, said.err.count("\n")) == (1, 1)
        assert "9999" in said.err
        assert "Nâng cấp Loa" in said.err


def test_an_address_may_say_how_to_connect_as_libpq_reads_it(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_database_url: str
) -> None:
    monkeypatch.setenv("LOA_DATABASE_URL", f"{fresh_database_url}?sslmode=disable")
    assert loa("migrate").code == 0
    assert loa("status").code == 0
    assert loa("backup", str(tmp_path / "loa.tar")).code == 0


def test_a_wrong_password_of_the_database_is_told_as_such(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, fresh_database_url: str
) -> None:
    parts = urlsplit(fresh_database_url)
    wrong = parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}")
    monkeypatch.setenv("LOA_DATABASE_URL", wrong.geturl())
    said = loa("status")
    assert said.code == 1
    assert "InvalidPasswordError" in said.err


def test_a_mistyped_folder_is_told_and_gets_no_database(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LOA_DATABASE_URL")
    for words_given in (("status",), ("backup", str(tmp_path / "loa.tar"))):
        said = loa(*words_given, "--data", str(tmp_path / "elsewhere"))
        assert (said.code, said.err.count("\n")) == (1, 1)
        assert "loa up" in said.err
    assert loa("doctor", "--data", str(tmp_path / "elsewhere")).code == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("command", ["status", "migrate"])
def test_an_unreachable_database_is_told_in_one_line(
    loa: Loa, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("LOA_DATABASE_URL", "postgresql://loa:secret-word@127.0.0.1:1/loa")
    said = loa(command)
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "LOA_DATABASE_URL" in said.err
    assert "secret-word" not in said.err


def test_a_cluster_without_a_key_is_refused(loa: Loa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOA_SECRET_KEY")
    said = loa("status")
    assert said.code == 1
    assert said.err.startswith("loa: LOA_SECRET_KEY: ")


def test_a_mistyped_variable_is_refused(loa: Loa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_PUBLICURL", "https://x.vn")
    said = loa("status")
    assert said.code == 1
    assert "LOA_PUBLICURL" in said.err


def test_up_does_not_start_beside_a_cluster(loa: Loa) -> None:
    said = loa("up")
    assert said.code == 1
    assert "LOA_DATABASE_URL" in said.err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("nonsense",), "Không có lệnh 'nonsense' · "),
        (("up", "--port", "many"), "Giá trị của --port không dùng được · "),
        (("up", "--port"), "Tuỳ chọn --port cần một giá trị · "),
        (("up", "--demo=3"), "Tuỳ chọn --demo không nhận giá trị · "),
        (("unfreeze", "now"), "Thừa: now · "),
        (("user", "add"), "Thiếu "),
        (("status", "--nope"), "Không có tuỳ chọn --nope · "),
        (("restore",), "loa restore FILE, hoặc · or: "),
    ],
)
@pytest.mark.usefixtures("no_variables")
def test_wrong_usage_is_one_line_and_exit_code_2(given: tuple[str, ...], told: str) -> None:
    said = run(*given)
    assert said.code == 2
    assert said.err.startswith(f"loa: {told}")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("given", [(), ("unit", "add"), ("up",)])
def test_help_begins_in_vietnamese_down_to_its_last_line(given: tuple[str, ...]) -> None:
    said = run(*given, "--help")
    assert (said.code, said.err) == (0, "")
    assert "Cách dùng · Usage: loa" in said.out
    assert "Tuỳ chọn · Options" in said.out
    assert "Xem hướng dẫn này · Show this help." in said.out
    assert not re.search(
        r"Show this message|\[required|\[default|─ (Options|Arguments|Commands) ", said.out
    )


def test_a_probe_that_gives_a_bare_code_is_told_in_words() -> None:
    told = words.of_probe(Probe(name="settings", ok=False, detail="seal_broken", ms=0))
    assert told.startswith("Không mở được thông tin bí mật")
    assert " · The account's secrets" in told
    assert words.of_probe(Probe(name="oa", ok=True, detail="Đúng OA.", ms=0)) == "Đúng OA."


def test_what_the_system_refuses_is_told_with_its_cause() -> None:
    told = words.of_system(OSError(28, "No space left on device", "/data/{x}"))
    assert "No space left on device (/data/{x})" in told
    assert "the system refused" in told


def test_every_error_of_the_command_line_has_both_languages() -> None:
    from services.cli.words import _OWN

    assert words.codes() == frozenset(_OWN)
    assert all(vietnamese.strip() and english.strip() for vietnamese, english in _OWN.values())
