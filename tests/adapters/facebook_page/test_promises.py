"""The promises of every channel once more, for posts of words and for videos.

`test_conformance.py` asks them of posts with a picture.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from shared.contract.blocks import Figure
from shared.contract.conformance_live import live_checks
from shared.contract.messages import Revision
from shared.contract.samples import sample_revision, sample_video
from tests.adapters.facebook_page.bench import PageBench, open_bench
from tests.adapters.facebook_page.loopback import loopback, reply
from tests.support.sandbox import Sandbox

FILM = b"\x00\x00\x00\x18ftypmp42 a film"


@pytest.fixture
def film() -> Iterator[Revision]:
    """An item with a video that can really be fetched until the test ends."""
    media_id = UUID(int=0x2000)
    with loopback() as library:
        library.answers(reply(FILM, headers=("Content-Type: video/mp4",)))
        video = replace(
            sample_video(size_bytes=len(FILM)),
            url=f"{library.base}/v.mp4",
            sha256=hashlib.sha256(FILM).hexdigest(),
        )
        plain = sample_revision()
        yield replace(
            plain,
            cover=None,
            videos={media_id: video},
            blocks=(*plain.blocks, Figure(media_id=media_id, alt="Phóng sự")),
        )


async def test_posts_of_words_keep_every_promise(bench: PageBench) -> None:
    assert await live_checks(bench.channel, bench.simulated) == []


async def test_videos_keep_every_promise(sandbox: Sandbox, film: Revision) -> None:
    bench = await open_bench(sandbox, revision=film, video_polls=1)

    assert await live_checks(bench.channel, bench.simulated) == []

    await bench.channel.aclose()
