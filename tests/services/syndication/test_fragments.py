from dataclasses import replace
from datetime import timedelta

import pytest

from services.delivery.portal import Entry
from services.storage.columns import new_id
from services.syndication.fragments import Fragments
from services.syndication.rss import Rss
from tests.services.syndication.paper import CHANGED, ENTRY, SHOWN, VOICE

WRITER = Rss()


def other() -> Entry:
    return replace(ENTRY, rendition_id=new_id())


def write(fragments: Fragments, *entries: Entry) -> tuple[bytes, ...]:
    known = fragments.known(WRITER, entries, VOICE)
    words = {one.rendition_id: SHOWN for one in entries}
    return fragments.written(WRITER, entries, VOICE, known, words)


def held(fragments: Fragments, *entries: Entry) -> list[bool]:
    return [one is not None for one in fragments.known(WRITER, entries, VOICE)]


def test_an_entry_is_written_once() -> None:
    fragments = Fragments()
    (first,) = write(fragments, ENTRY)

    assert fragments.known(WRITER, [ENTRY], VOICE)[0] is first
    assert write(fragments, ENTRY, other())[0] is first


@pytest.mark.parametrize(
    "changed",
    [
        replace(ENTRY, rendition_id=new_id()),
        replace(ENTRY, guid="https://hoasen.example/tin/khac"),
        replace(ENTRY, published_at=CHANGED - timedelta(days=9)),
        replace(ENTRY, changed_at=CHANGED + timedelta(seconds=1)),
        replace(ENTRY, withdrawn=True),
        replace(ENTRY, reason="sai số liệu"),
    ],
)
def test_whatever_its_bytes_depend_on_makes_it_another(changed: Entry) -> None:
    fragments = Fragments()
    write(fragments, ENTRY)

    assert held(fragments, changed, ENTRY) == [False, True]
    assert fragments.known(WRITER, [ENTRY], replace(VOICE, agency="Sở Y tế")) == [None]


def test_what_is_used_stays_and_what_is_not_is_forgotten() -> None:
    piece = len(write(Fragments(), ENTRY)[0])
    fragments = Fragments(most_bytes=8 * piece)
    idle = other()
    write(fragments, idle)
    for _ in range(20):
        write(fragments, ENTRY, other())

    assert held(fragments, ENTRY, idle) == [True, False]
    assert sum(map(len, (*fragments._kept.values(), *fragments._before.values()))) <= 8 * piece
