import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import insert

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.content.media_store import MediaStore
from services.content.tables import Item
from services.delivery.hub import Hub
from services.proof import checking, ledger, wording
from services.proof.checking import Answer, Finding, check
from services.proof.tables import PublicText
from services.storage.session import make_engine, opener
from shared.clock import utc_now
from tests.support.newsroom import AGENCY, KEY, PUBLIC_URL, Newsroom

TITLE = "Tạm dừng nộp hồ sơ trực tuyến từ 22:00 ngày 05/12"
SUMMARY = "Hệ thống được nâng cấp trong đêm."
BODY = """Để phục vụ bà con nhanh hơn, hệ thống **tạm dừng từ 22:00 thứ Bảy**.

1. Tra cứu kết quả như thường lệ;
2. Việc gấp, xin gọi trực ban 028 0000 1022.

Ông Nguyễn Văn An, Chánh Văn phòng, phụ trách."""
COPY = """Tạm dừng nộp hồ sơ trực tuyến từ 22:00 ngày 05/12

Hệ thống được nâng cấp trong đêm.
Để phục vụ bà con nhanh hơn, hệ thống tạm dừng từ 22:00 thứ Bảy.
1. Tra cứu kết quả như thường lệ;
2. Việc gấp, xin gọi trực ban 028 0000 1022.
Ông Nguyễn Văn An, Chánh Văn phòng, phụ trách."""
POST = "https://www.facebook.com/4242/posts/777888"


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What the agency has published."""

    hub: Hub
    item: Item
    gone: Item

    async def check(self, asked: str) -> Finding:
        return await check(self.hub, asked)


@pytest.fixture(scope="module")
async def press(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Press]:
    """One agency's press office; the tests only ask, or add items of their own."""
    engine = make_engine(database_url, size=8)
    hub = Hub(
        open_work=opener(engine),
        registry=Registry.load({}),
        sealer=Sealer(KEY),
        media=MediaStore(tmp_path_factory.mktemp("media")),
        public_url=PUBLIC_URL,
        agency=AGENCY,
    )
    at = utc_now() - timedelta(hours=1)
    async with hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        portal = await newsroom.portal("cong")
        item, _ = await newsroom.live(portal, at=at, title=TITLE, summary=SUMMARY, body=BODY)
        gone, publication = await newsroom.live(
            portal, at=at, title="Lịch tiêm chủng tuần này", body="Tiêm tại trạm y tế phường Sen."
        )
        await newsroom.withdraw(gone, publication, at=utc_now(), reason="Đổi lịch.")
        page = account(newsroom, "facebook_page", "4242", {"page_id": "4242", "app_id": "1"})
        old = account(newsroom, "zalo_oa", "9999", {"oa_id": "9999", "app_id": "1"})
        session.add_all((page, old))
        await session.flush()
        publication = await newsroom.show(item, page, None, at=at)
        await newsroom.change(publication, remote_id="4242_777888", remote_url=POST)
        await newsroom.show(gone, old, None, at=at)
        old.stage, old.paused_at = "closed", utc_now()
    while await ledger.catch_up(hub):
        pass
    yield Press(hub=hub, item=item, gone=gone)
    await engine.dispose()


def account(
    newsroom: Newsroom, channel: str, remote_id: str, settings: dict[str, object]
) -> Account:
    return Account(
        unit_id=newsroom.unit,
        channel=channel,
        name=f"{channel} {remote_id}",
        remote_id=remote_id,
        settings=settings,
        sealed_credentials=b"",
    )


def changes(finding: Finding) -> list[tuple[str, str]]:
    assert finding.comparison is not None
    return [(one.kind, one.text) for one in finding.comparison.pieces if one.kind != "same"]


async def test_a_copied_text_is_official_whatever_its_white_space(press: Press) -> None:
    for copy in (COPY, COPY.replace(" ", "  \n"), TITLE, COPY.split("\n", 3)[3]):
        finding = await press.check(copy)
        assert finding.answer is Answer.CURRENT
        assert finding.item is not None
        assert finding.item.code == press.item.code


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1022", "1023", [("missing", "1022"), ("added", "1023")]),
        ("Văn An,", "Văn Anh,", [("missing", "An"), ("added", "Anh")]),
        ("từ 22:00 thứ", "từ 20:00 thứ", [("missing", "22:00"), ("added", "20:00")]),
    ],
)
async def test_a_changed_digit_or_name_is_altered_and_shown(
    press: Press, old: str, new: str, told: list[tuple[str, str]]
) -> None:
    finding = await press.check(COPY.replace(old, new))

    assert finding.answer is Answer.ALTERED
    assert changes(finding) == told


async def test_what_was_published_is_read_beside_the_loop_and_only_so_much_of_it(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, bool]] = []

    def noting(words: str) -> wording.Reading:
        read.append((words, threading.current_thread() is threading.main_thread()))
        return usual(words)

    usual = wording.read
    monkeypatch.setattr(wording, "read", noting)
    monkeypatch.setattr(checking, "_MOST_READ", 1)

    found = await press.check(COPY)

    assert found.answer is Answer.CURRENT
    beside = {words for words, on_loop in read if not on_loop and len(words) > 100}
    assert len(beside) == 1, "one text at least, and no more than there is time for"
    assert not beside & {words for words, on_loop in read if on_loop}


async def test_a_text_of_somebody_else_is_not_found_even_when_it_links_to_us(press: Press) -> None:
    scam = "Bạn được hoàn thuế 2.500.000 đồng, bấm vào đây để nhận ngay trong hôm nay"

    alone = await press.check(scam)
    linked = await press.check(f"{scam} {PUBLIC_URL}/tin/{press.item.code}")

    assert (alone.answer, alone.item) == (Answer.UNKNOWN, None)
    assert linked.answer is Answer.UNKNOWN
    assert linked.item is not None
    assert linked.item.code == press.item.code


async def test_few_words_prove_nothing(press: Press) -> None:
    assert (await press.check("bà con")).answer is Answer.TOO_SHORT
    assert (await press.check("hệ thống được nâng cấp")).answer is Answer.TOO_SHORT


async def test_a_withdrawn_item_is_told_without_its_words(press: Press) -> None:
    for asked in (
        press.gone.code,
        f"{PUBLIC_URL}/tin/{press.gone.code.lower()}/ten",
        "Lịch tiêm chủng tuần này. Tiêm tại trạm y tế phường Sen.",
    ):
        finding = await press.check(asked)
        assert finding.answer is Answer.WITHDRAWN
        assert finding.item is not None
        assert (finding.item.title, finding.item.reason) == ("", "Đổi lịch.")
        assert finding.comparison is None


async def test_an_earlier_wording_is_ours_but_not_what_holds(press: Press) -> None:
    first = "Bà con gọi số 028 0000 2022 để đăng ký khám sức khoẻ định kỳ tại phường"
    async with press.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        item, _ = await newsroom.item(title="Khám sức khoẻ", body=first, published_at=utc_now())
    await ledger.catch_up(press.hub, fresh=True)
    async with press.hub.open_work() as session:
        newsroom.session = session
        item = await session.get_one(Item, item.id)
        await newsroom.revise(
            item,
            no=2,
            title="Khám sức khoẻ",
            body=first.replace("2022", "2023"),
            correction_note="Số đúng là 028 0000 2023.",
        )
        item.revision_no = item.released_no = 2

    old, new = await press.check(first), await press.check(first.replace("2022", "2023"))

    assert old.answer is Answer.OUTDATED
    assert old.item is not None
    assert old.item.correction_note == "Số đúng là 028 0000 2023."
    assert new.answer is Answer.CURRENT


@pytest.mark.parametrize(
    ("link", "answer"),
    [
        (POST, Answer.CURRENT),
        ("http://m.facebook.com/4242/posts/777888?ref=share", Answer.CURRENT),
        ("https://facebook.com/permalink.php?story_fbid=777888&id=4242", Answer.CURRENT),
        ("https://evil.example/4242/posts/777888", Answer.UNKNOWN),
        ("https://facebook.com.evil.example/4242/posts/777888", Answer.UNKNOWN),
        ("https://www.facebook.com/4242", Answer.CHANNEL),
        ("facebook.com/4242/", Answer.CHANNEL),
        ("https://www.facebook.com/hoasen.that", Answer.UNKNOWN),
        ("https://zalo.me/9999", Answer.CLOSED_CHANNEL),
        ("https://cong.example/tin-tuc/123", Answer.CHANNEL),
        (f"{PUBLIC_URL}/kenh-chinh-thuc", Answer.CHANNEL),
        (f"{PUBLIC_URL}@evil.example/tin/x", Answer.UNKNOWN),
        (f"({PUBLIC_URL}/kenh-chinh-thuc).", Answer.CHANNEL),
        (f"Xem: {POST}.", Answer.CURRENT),
        ("https://[::1", Answer.UNKNOWN),
        ("KHONG-2026-999999", Answer.UNKNOWN),
    ],
)
async def test_a_link_is_known_or_not(press: Press, link: str, answer: Answer) -> None:
    assert (await press.check(link)).answer is answer


async def test_a_post_from_before_the_account_was_connected_stands_on_a_channel_of_ours(
    press: Press,
) -> None:
    async with press.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        page = account(newsroom, "facebook_page", "5151", {"page_id": "5151", "app_id": "1"})
        session.add(page)
        await session.flush()
        old, _ = await newsroom.item(released=False, title="Bài cũ")
        publication = await newsroom.show(old, page, None, at=utc_now())
        await newsroom.change(publication, remote_id="5151_99")

    finding = await press.check("https://www.facebook.com/permalink.php?story_fbid=99&id=5151")

    assert (finding.answer, finding.item) == (Answer.CHANNEL, None)
    assert finding.channel is not None
    assert finding.channel.remote_id == "5151"


async def test_a_page_that_borrows_our_code_is_no_page_of_ours(press: Press) -> None:
    finding = await press.check(f"https://hoasen-gov.example/tin/{press.item.code}")

    assert (finding.answer, finding.imitates) == (Answer.UNKNOWN, True)


async def test_a_code_leads_to_its_item_and_a_draft_to_nothing(press: Press) -> None:
    async with press.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        draft, _ = await newsroom.item(
            released=False, title="Chưa ai được biết chuyện này cả đâu nhé", state="draft"
        )

    assert (await press.check(press.item.code.lower())).answer is Answer.CURRENT
    assert (await press.check(draft.code)).answer is Answer.UNKNOWN
    assert (await press.check("Chưa ai được biết chuyện này cả đâu nhé")).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    "copied",
    [
        "{code}.",
        "#{code}",
        "[{code}]",
        "Mã tin: {code}",
        "{spaced}",
        "{blanks}",
        "{dashes}",
        "{url}.",
        "(“{url}”)",
    ],
)
async def test_a_code_or_link_is_known_as_people_copy_it(press: Press, copied: str) -> None:
    code = press.item.code
    asked = copied.format(
        code=code,
        spaced=code.lower().replace("-", " - "),
        blanks=code.replace("-", " "),
        dashes=code.replace("-", "–"),
        url=f"{PUBLIC_URL}/tin/{code}",
    )

    finding = await press.check(asked)

    assert (finding.answer, finding.item and finding.item.code) == (Answer.CURRENT, code)


async def test_a_text_of_somebody_else_that_gives_our_code_is_not_ours(press: Press) -> None:
    scam = "Bạn được hoàn thuế 2.500.000 đồng, chuyển phí trước hôm nay, mã tin {}"

    ours = await press.check(scam.format(press.item.code.replace("-", " – ")))
    none = await press.check(scam.format("KHONG-2026-999999"))

    assert (ours.answer, ours.item and ours.item.code) == (Answer.UNKNOWN, press.item.code)
    assert (none.answer, none.item) == (Answer.UNKNOWN, None)


async def test_an_old_bulletin_is_told_from_the_many_that_are_like_it(press: Press) -> None:
    usual = "Mực nước các hồ thủy lợi ở mức an toàn, bà con yên tâm sản xuất và theo dõi bản tin."
    async with press.hub.open_work() as session:
        newsroom = await Newsroom(session=session).open()
        made = [
            await newsroom.item(
                title=f"Bản tin mực nước kỳ {no}", body=usual, published_at=utc_now()
            )
            for no in range(60)
        ]
        texts = [f"Bản tin mực nước kỳ {no}\n{usual}" for no in range(60)]
        rows = [
            {
                "item_id": item.id,
                "revision_no": 1,
                "words": words,
                "asides": [],
                "shingles": wording.asked(words),
            }
            for (item, _), words in zip(made, texts, strict=True)
        ]
        await session.execute(insert(PublicText).values(rows))

    found = await press.check(texts[3])

    assert (found.answer, found.item and found.item.code) == (Answer.CURRENT, made[3][0].code)
