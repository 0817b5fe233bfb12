"""Which entries are known already, and when a feed has given everything new names."""

from uuid import UUID

from services.sources.same_item import Known, Names, match
from services.storage.columns import new_id


def names(number: int, *, key: str = "k", link: str = "l", title: str = "Tin") -> Names:
    return Names(
        key=f"{key}{number}",
        canonical_link=f"{link}{number}" if link else "",
        title=f"{title} {number}",
    )


def known(*found: Names) -> tuple[Known, ...]:
    return tuple(Known(id=new_id(), names=one) for one in found)


def ids(found: tuple[Known, ...]) -> list[UUID]:
    return [one.id for one in found]


def test_an_entry_is_known_by_its_name_whatever_else_changed() -> None:
    before = known(names(1))
    again = names(1, link="khac", title="Tiêu đề mới")
    assert match(before, [again]).known == {0: before[0].id}


def test_a_new_name_with_a_known_link_is_the_same_entry() -> None:
    before = known(names(1), names(2))
    found = match(before, [names(1, key="moi"), names(2)])
    assert found.known == {0: before[0].id, 1: before[1].id}
    assert found.churned == 0


def test_an_equal_title_alone_is_another_entry() -> None:
    before = known(Names(key="a", canonical_link="1", title="Lịch tiếp công dân"))
    weekly = Names(key="b", canonical_link="2", title="Lịch tiếp công dân")
    assert match(before, [weekly]).known == {}


def test_new_names_for_most_of_a_feed_are_churn() -> None:
    before = known(*(names(number) for number in range(6)))
    renamed = [names(number, key="moi", link="moi") for number in range(5)]
    found = match(before, [*renamed, names(5)])
    assert found.churned == 5
    assert [found.known[place] for place in range(6)] == ids(before)


def test_a_feed_full_of_real_news_is_no_churn() -> None:
    before = known(*(names(number) for number in range(6)))
    fresh = [names(number, key="moi", link="moi", title="Khác") for number in range(20, 26)]
    found = match(before, fresh)
    assert (found.known, found.churned) == ({}, 0)


def test_one_entry_listed_twice_is_taken_once() -> None:
    found = match((), [names(1), names(1), names(2)])
    assert found.doubled == {1}


def test_a_known_entry_is_given_to_one_place_only() -> None:
    before = known(names(1))
    twins = [names(1, key="x"), Names(key="y", canonical_link="l1", title="Khác")]
    assert match(before, twins).known == {0: before[0].id}
