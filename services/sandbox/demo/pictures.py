"""The demo's pictures, drawn when they are asked for; the tree holds no generated file."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from services.sandbox.demo import indoors, outdoors
from services.sandbox.demo.canvas import Canvas

_SCENES: Final[Mapping[str, Callable[[], Canvas]]] = MappingProxyType(
    {
        "ao-sen-tru-so.jpg": outdoors.lotus_office,
        "bang-tin.jpg": outdoors.notice_board,
        "bao-tren-bien.jpg": outdoors.storm_coast,
        "bieu-do.jpg": indoors.dashboard,
        "canh-bao-lua-dao.jpg": indoors.scam_warning,
        "canh-dong-lua.jpg": outdoors.rice_sunrise,
        "cau-qua-song.jpg": outdoors.bridge,
        "loa-truyen-thanh.jpg": outdoors.loudspeaker,
        "may-gat.jpg": outdoors.harvester,
        "mot-cua.jpg": indoors.one_stop,
        "phong-may-chu.jpg": indoors.server_room,
        "tiem-chung.jpg": indoors.vaccination,
        "tin-dung-tin-sai.jpg": indoors.true_and_false,
        "tram-y-te.jpg": outdoors.clinic,
        "van-ban.jpg": indoors.documents,
    }
)

# The file names that items use for covers and pictures.
NAMES: Final[tuple[str, ...]] = tuple(_SCENES)


def draw(name: str) -> bytes:
    """A JPEG of 1600 by 900 pixels and less than 1 MB; the same bytes each time.

    Takes about half a second. Raises KeyError for a name that is not in `NAMES`. One MB is the
    most that Zalo fetches for an article (zalo-oa-api.md, section 3).
    """
    return _SCENES[name]().jpeg()
