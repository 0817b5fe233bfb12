"""Fonts from before Unicode: told from French and from sound text, and read right."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sources.feed import Legacy
from services.sources.legacy_text import convert, detect

MOTTO = "Cộng hòa xã hội chủ nghĩa Việt Nam, Độc lập - Tự do - Hạnh phúc"
LETTERS = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
TCVN3 = "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô\u00adõøö÷ùúýûüþ"
VNI = (
    "aø aù aû aõ aï aê aè aé aú aü aë aâ aà aá aå aã aä ñ eø eù eû eõ eï eâ eà eá eå eã eä ì í æ ó "
    "ò oø où oû oõ oï oâ oà oá oå oã oä ô ôø ôù ôû ôõ ôï uø uù uû uõ uï ö öø öù öû öõ öï yø yù yû "
    "yõ î"
)


@pytest.mark.parametrize(
    ("old", "kind", "new"),
    [
        ("Th«ng b¸o", "tcvn3", "Thông báo"),
        ("Céng hßa x· héi chñ nghÜa ViÖt Nam, §éc lËp - Tù do - H¹nh phóc", "tcvn3", MOTTO),
        ("quyÕt ®Þnh vÒ viÖc ban hµnh quy chÕ", "tcvn3", "quyết định về việc ban hành quy chế"),
        ("Ng\u00adêi d©n ®\u00adîc h\u00adëng", "tcvn3", "Người dân được hưởng"),
        ("Uû ban nh©n d©n tØnh", "tcvn3", "Uỷ ban nhân dân tỉnh"),
        ("Thoâng baùo", "vni", "Thông báo"),
        (
            "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam, Ñoäc laäp - Töï do - Haïnh phuùc",
            "vni",
            MOTTO,
        ),
        ("THOÂNG BAÙO TUYEÅN SINH", "vni", "THÔNG BÁO TUYỂN SINH"),
        ("ngöôøi daân ñöôïc höôûng", "vni", "người dân được hưởng"),
    ],
)
def test_an_old_font_is_recognised_and_read(old: str, kind: Legacy, new: str) -> None:
    assert detect(old) == kind
    assert convert(old, kind) == new


def test_every_letter_has_its_place() -> None:
    assert convert(TCVN3, "tcvn3") == LETTERS
    assert convert("¡¢§£¤¥¦", "tcvn3") == "ĂÂĐÊÔƠƯ"
    assert convert(VNI, "vni").replace(" ", "") == LETTERS
    assert convert(VNI.upper(), "vni").replace(" ", "") == LETTERS.upper()


@pytest.mark.parametrize(
    "text",
    [
        "", "Notice to all", MOTTO, unicodedata.normalize("NFD", MOTTO), "Hà Nội", "Thông báo", "á",
        "Le café français «était» fermé à côté de l'hôtel, où naïf Noël mangeait du pâté.",
        "El niño comió mañana en España, ¿no?", "München: Größe für Öl und Übersicht",
        "Tel.: 25°C, m², Windows® «x» © 2026, 1ª, 2º", "São Paulo não é a capital, coração",
        "iPhone, McDonald's, eBay và YouTube", "Smörgåsbord på ön är för små", "Łódź, Čeština",
        "Đắk Lắk ® và «trích dẫn» ¹ ² ³ chú thích · mục lục", "日本語", "Привет мир", "¹²³ ¸¸¸ ···",
    ],
)  # fmt: skip
def test_sound_text_is_left_in_peace(text: str) -> None:
    assert detect(text) is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_looking(text: str) -> None:
    kind = detect(text)
    assert kind is None or convert(text, kind)
