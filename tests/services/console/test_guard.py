"""What stands before every page: sign-in, intent, sizes, and how a failure is told."""

import re
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from services.staff.passwords import CHEAP, hashed
from shared.clock import utc_now
from tests.support.console import Console, Visitor
from tests.support.hub import Team

_PASSWORD = "mot cau rat de nho"


async def _with_password(console: Console, team: Team) -> str:
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE staff SET password_hash = :hash WHERE id = :id"),
            {"hash": await hashed(_PASSWORD, cost=CHEAP), "id": team.editor},
        )
        return str(
            await session.scalar(
                text("SELECT email FROM staff WHERE id = :id"), {"id": team.editor}
            )
        )


async def test_a_stranger_is_led_to_the_sign_in_page_and_back(console: Console, team: Team) -> None:
    email = await _with_password(console, team)
    async with console.client() as client:
        sent = await client.get("/posts?state=review")
        assert sent.status_code == 303
        assert sent.headers["location"] == "/sign-in?next=/posts%3Fstate%3Dreview"
        form = await client.get(sent.headers["location"])
        assert 'value="/posts?state=review"' in form.text
        entered = await client.post(
            "/sign-in",
            data={"email": email, "password": _PASSWORD, "next": "/posts?state=review"},
        )
        assert entered.status_code == 303
        assert entered.headers["location"] == "/posts?state=review"
        assert "HttpOnly" in entered.headers["set-cookie"]


async def test_a_wrong_password_says_how_many_tries_are_left_and_keeps_the_address(
    console: Console, team: Team
) -> None:
    email = await _with_password(console, team)
    async with console.client() as client:
        answer = await client.post("/sign-in", data={"email": email, "password": "sai roi"})
    assert answer.status_code == 401
    assert re.search(r"Còn \d+ lần thử", answer.text)
    assert f'value="{email}"' in answer.text
    assert "sai roi" not in answer.text


async def test_next_never_leads_to_another_site(console: Console, team: Team) -> None:
    email = await _with_password(console, team)
    for odd in ("//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"):
        async with console.client() as client:
            entered = await client.post(
                "/sign-in", data={"email": email, "password": _PASSWORD, "next": odd}
            )
        assert entered.headers["location"] == "/"


async def test_what_was_sent_after_the_session_ended_is_sent_again_after_sign_in(
    console: Console,
) -> None:
    team = await console.bench.team()  # whose sessions nobody else needs
    email = await _with_password(console, team)
    visitor = await console.visitor(team.editor)
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE session SET expires_at = :past WHERE staff_id = :id"),
            {"past": utc_now() - timedelta(seconds=1), "id": team.editor},
        )
    refused = await visitor.post("/sign-out", title="Bài viết dở <b>của tôi</b>")
    assert refused.status_code == 401
    assert "Bài viết dở &lt;b&gt;của tôi&lt;/b&gt;" in refused.text
    async with console.client() as client:
        again = await client.post(
            "/sign-in",
            data={
                "email": email,
                "password": _PASSWORD,
                "kept_path": "/sign-out",
                "kept.title": "Bài viết dở",
            },
        )
    assert again.status_code == 200
    assert 'name="title" value="Bài viết dở"' in again.text
    assert 'action="/sign-out"' in again.text


async def test_a_page_that_fails_is_named_by_what_happened(editor: Visitor) -> None:
    missing = (await editor.client.get(f"/posts/{UUID(int=1)}")).text
    assert "<title>Không tìm thấy · Loa</title>" in missing
    refused = (await editor.client.get("/admin/users")).text
    assert "<title>Bạn không có quyền làm việc này · Loa</title>" in refused


async def test_the_help_tells_the_keys_that_the_reader_has(
    console: Console, team: Team, editor: Visitor
) -> None:
    leader = await console.with_role(team, "leader")
    written, read = [(await one.client.get("/help")).text for one in (editor, leader)]
    assert "<kbd>Ctrl+S</kbd>" in written
    assert "<kbd>Ctrl+S</kbd>" not in read
    for page in (written, read):
        links = re.findall(r'data-key="g (\w)"', page)
        assert all(f"<kbd>G</kbd> <kbd>{key.upper()}</kbd>" in page for key in links)


async def test_an_act_wants_the_code_of_its_session(editor: Visitor) -> None:
    for csrf in ("", "x", "ế" * 30):
        answer = await editor.client.post("/sign-out", data={"csrf": csrf})
        assert answer.status_code == 403
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await editor.client.post("/sign-out", data={"csrf": editor.csrf}, headers=headers)
        assert answer.status_code == 403


async def test_a_form_that_is_too_large_is_refused_with_words(editor: Visitor) -> None:
    answer = await editor.post("/sign-out", body="x" * 600_000)
    assert answer.status_code == 413
    assert "quá lớn" in answer.text


async def test_a_stranger_cannot_send_a_large_file(console: Console) -> None:
    async with console.client() as nobody:
        answer = await nobody.post("/media", files={"file": ("a.jpg", b"x" * 600_000)})
    assert answer.status_code == 413


async def test_every_answer_carries_the_policy(console: Console, editor: Visitor) -> None:
    async with console.client() as nobody:
        answers = [
            await nobody.get("/sign-in"),
            await nobody.get("/posts"),
            await nobody.get("/start/nothing"),
            await editor.client.get("/"),
        ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_signing_out_ends_the_session_on_the_server_too(console: Console, team: Team) -> None:
    visitor = await console.visitor(team.second_approver)
    assert (await visitor.client.get("/")).status_code == 200
    left = await visitor.post("/sign-out")
    assert left.headers["location"] == "/sign-in"
    async with console.client() as stolen:
        stolen.cookies.set("loa", visitor.cookie)
        assert (await stolen.get("/")).status_code == 303


async def test_the_language_is_kept_for_the_person(console: Console, team: Team) -> None:
    visitor = await console.visitor(team.second_approver)
    assert 'lang="vi"' in (await visitor.client.get("/")).text
    await visitor.client.get("/language?to=en&next=/")
    assert 'lang="en"' in (await visitor.client.get("/")).text
    await visitor.client.get("/language?to=vi")


async def test_pages_travel_compressed_and_their_length_tells_nothing(
    console: Console, editor: Visitor
) -> None:
    async with editor.client.stream("GET", "/posts/new") as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["vary"]
        assert int(answer.headers["content-length"]) < 20_000
        text = (await answer.aread()).decode()
    assert "</html>" in text
    # The same page twice: a code of the request differs in it, so lengths are compared of many.
    lengths = set()
    for _ in range(12):
        async with editor.client.stream("GET", "/help") as answer:
            lengths.add(answer.headers["content-length"])
            await answer.aread()
    assert len(lengths) > 3
    for refused in ("identity", "gzip;q=0", "br"):
        plain = await editor.client.get("/help", headers={"Accept-Encoding": refused})
        assert "content-encoding" not in plain.headers
