from services.audit.actor import SYSTEM
from services.audit.acts import Act
from services.audit.append import record
from services.audit.story import story
from services.storage.session import Opener


async def test_the_story_of_a_thing_holds_what_was_done_to_it_and_to_its_parts(
    open_work: Opener,
) -> None:
    for about, act in (
        ("item:a", Act.ITEM_CREATED),
        ("item:b", Act.ITEM_CREATED),
        ("publication:p", Act.PUBLICATION_RETRIED),
        ("item:a", Act.ITEM_EDITED),
    ):
        async with open_work() as session:
            await record(session, SYSTEM, act, about)
    async with open_work() as session:
        found = await story(session, ("item:a", "publication:p"), limit=10)
        assert [(one.object, one.act) for one in found] == [
            ("item:a", "item.edited"),
            ("publication:p", "publication.retried"),
            ("item:a", "item.created"),
        ]
        rest = await story(session, ("item:a", "publication:p"), limit=1, before=found[0].seq)
        assert [one.seq for one in rest] == [found[1].seq]
        assert await story(session, (), limit=10) == ()
