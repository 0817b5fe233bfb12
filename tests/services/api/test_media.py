from collections.abc import AsyncIterator

from tests.services.api.conftest import Team
from tests.support.pictures import jpeg
from tests.support.site import Site


async def test_a_picture_comes_in_with_its_description(team: Team) -> None:
    answer = await team.program.client.post(
        "/media",
        files={"file": ("sen.jpg", jpeg(1600, 900), "image/jpeg")},
        data={"alt": "Hồ sen", "caption": "Sáng sớm", "credit": "Ảnh: Thu Hà"},
    )
    media = answer.json()
    assert answer.status_code == 201, answer.text
    assert (media["width"], media["height"], media["kind"]) == (1600, 900, "image")
    assert media["url"] == f"http://loa.test/media/{media['sha256']}.jpg"
    assert (media["alt"], media["decorative"]) == ("Hồ sen", False)


async def test_a_picture_without_words_or_of_no_kind_is_refused(team: Team) -> None:
    silent = await team.editor.client.post(
        "/media", files={"file": ("a.jpg", jpeg(10, 10), "image/jpeg")}, data={"alt": "  "}
    )
    drawn = await team.editor.client.post(
        "/media", files={"file": ("a.svg", b"<svg/>", "image/svg+xml")}, data={"alt": "x"}
    )
    missing = await team.editor.client.post("/media", data={"alt": "x"}, files={"other": b""})
    assert [one.status_code for one in (silent, drawn, missing)] == [422, 422, 422]
    assert silent.json()["errors"][0]["field"] == "alt"


async def test_a_field_with_a_slip_in_its_name_is_told(team: Team) -> None:
    answer = await team.editor.client.post(
        "/media",
        files={"file": ("a.jpg", jpeg(10, 10), "image/jpeg")},
        data={"alt": "Hồ sen", "captoin": "Sáng sớm"},
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["captoin"]


async def test_only_a_decorative_picture_needs_no_description(team: Team) -> None:
    frame = await team.program.client.post(
        "/media",
        files={"file": ("khung.jpg", jpeg(40, 10), "image/jpeg")},
        data={"decorative": "true"},
    )
    paper = await team.program.client.post(
        "/media",
        files={"file": ("a.pdf", b"%PDF-1.7\n%%EOF\n", "application/pdf")},
        data={"decorative": "true"},
    )
    plain = await team.program.client.post(
        "/media", files={"file": ("a.jpg", jpeg(10, 10), "image/jpeg")}
    )

    assert frame.status_code == 201, frame.text
    assert (frame.json()["decorative"], frame.json()["alt"]) == (True, "")
    assert [one.status_code for one in (paper, plain)] == [422, 422]
    assert [one.json()["errors"][0]["field"] for one in (paper, plain)] == ["alt", "alt"]


async def test_only_editors_and_their_programs_bring_files(team: Team) -> None:
    answer = await team.auditor.client.post(
        "/media", files={"file": ("a.jpg", jpeg(10, 10), "image/jpeg")}, data={"alt": "x"}
    )
    assert answer.status_code == 403


async def test_json_is_no_file_and_a_broken_form_is_told(team: Team) -> None:
    json = await team.editor.client.post("/media", json={"alt": "x"})
    broken = await team.editor.client.post(
        "/media", content=b"--x\r\nkaputt", headers={"Content-Type": "multipart/form-data"}
    )
    assert (json.status_code, broken.status_code) == (415, 422)


async def test_a_strangers_file_is_not_read(site: Site) -> None:
    read = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100:
            read += 1
            yield b"x" * 65536

    async with site.client() as client:
        answer = await client.post(
            "/media",
            content=parts(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
    assert (answer.status_code, read) == (401, 0)


async def test_what_is_larger_than_any_file_is_not_read(team: Team) -> None:
    answer = await team.editor.client.post(
        "/media",
        content=b"",
        headers={
            "Content-Type": "multipart/form-data; boundary=x",
            "Content-Length": str(56 * 1024 * 1024),
        },
    )
    assert answer.status_code == 413
