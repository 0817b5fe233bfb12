"""Which step comes next, and what the channel declares; nothing here touches a network."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from adapters.facebook_page.channel import channel
from shared.clock import utc_now
from shared.contract.channel import Channel, Configurable, abilities
from shared.contract.messages import Account, Call, Json, Operation, Payload, RemoteId

WORDS: Payload = {
    "message": "Tin",
    "link": "https://loa.example/tin/A-1",
    "pictures": [],
    "video": None,
    "marker": "https://loa.example/tin/A-1",
}
PICTURES: Payload = {
    **WORDS,
    "link": None,
    "pictures": [{"sha256": h, "url": f"https://x/{h}", "alt": ""} for h in ("aa", "bb")],
}
FILM: Payload = {
    **WORDS,
    "link": None,
    "video": {
        "sha256": "",
        "url": "https://x/v",
        "mime": "video/mp4",
        "size_bytes": 9,
        "title": "T",
    },
}


def uploaded(*hashes: str, age: timedelta = timedelta(0)) -> Mapping[str, Json]:
    at = (utc_now() - age).isoformat()
    return {"photos": {one: {"id": f"photo-{one}", "at": at} for one in hashes}}


def step(account: Account, operation: Operation, payload: Payload | None, **more: object) -> str:
    call = Call(operation=operation, account=account, payload=payload, **more)  # type: ignore[arg-type]  # a maker takes any field
    told = channel.step(call)
    once = {"post", "post_video"}
    assert told.repeatable is (told.name not in once)
    return told.name


def test_the_channel_declares_what_it_can_do() -> None:
    declared: Channel = channel

    assert abilities(declared) == ("publish", "update", "withdraw", "look", "check", "receive")
    assert isinstance(channel, Configurable)
    assert channel.variables == {"LOA_FACEBOOK_GRAPH_URL": "https://graph.facebook.com"}


def test_words_are_one_step(account: Account) -> None:
    assert step(account, Operation.PUBLISH, WORDS) == "post"


def test_pictures_are_uploaded_before_the_post(account: Account) -> None:
    publish = Operation.PUBLISH

    assert step(account, publish, PICTURES) == "upload_photo"
    assert step(account, publish, PICTURES, phase="photos", handle=uploaded("aa")) == "upload_photo"
    assert step(account, publish, PICTURES, phase="photos", handle=uploaded("aa", "bb")) == "post"


def test_uploads_that_facebook_may_have_dropped_are_made_anew(account: Account) -> None:
    old = uploaded("aa", "bb", age=timedelta(hours=21))

    assert step(account, Operation.PUBLISH, PICTURES, handle=old) == "upload_photo"


def test_uploads_of_an_overtaken_generation_are_used_again(account: Account) -> None:
    handle = uploaded("aa", "bb", "cc")

    assert step(account, Operation.PUBLISH, PICTURES, phase="photos", handle=handle) == "post"
    assert step(account, Operation.PUBLISH, WORDS, phase="photos", handle=handle) == "post"


def test_a_video_is_posted_once_and_then_looked_at(account: Account) -> None:
    assert step(account, Operation.PUBLISH, FILM) == "post_video"


@pytest.mark.parametrize("operation", [Operation.PUBLISH, Operation.UPDATE])
def test_a_video_whose_words_changed_meanwhile_is_edited_first(
    account: Account, operation: Operation
) -> None:
    handle = {"video": "777", "words": "other"}

    assert step(account, operation, FILM, phase="video", handle=handle) == "edit_video"


def test_a_known_post_is_edited_and_never_made_again(account: Account) -> None:
    known = RemoteId("111_222")

    assert step(account, Operation.UPDATE, PICTURES, remote_id=known) == "edit"
    assert step(account, Operation.PUBLISH, PICTURES, remote_id=known) == "edit"


def test_a_withdrawal_deletes_and_then_proves_a_denial(account: Account) -> None:
    known = RemoteId("111_222")
    withdraw = Operation.WITHDRAW

    assert step(account, withdraw, None, remote_id=known) == "delete"
    assert step(account, withdraw, None, remote_id=known, phase="gone?") == "prove_gone"
    assert step(account, withdraw, None, remote_id=known, phase="again") == "delete"
    assert step(account, withdraw, None, phase="video", handle={"video": "777"}) == "delete"


def test_a_withdrawal_clears_uploads_that_no_post_uses(account: Account) -> None:
    old = uploaded("aa", age=timedelta(hours=30))

    assert step(account, Operation.WITHDRAW, None, phase="photos", handle=old) == "delete_photo"
    assert step(account, Operation.WITHDRAW, None) == "nothing"
