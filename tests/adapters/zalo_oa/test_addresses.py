import pytest

from adapters.zalo_oa.addresses import account_url, post_in

OA = "4444555566"


@pytest.mark.parametrize(
    ("link", "article"),
    [
        (f"https://rd.zapps.vn/detail/{OA}?id=ab12&pageId={OA}", "ab12"),
        (f"https://post.oa.zalo.me/d/{OA}?id=ab12", "ab12"),
        (f"https://rd.zapps.vn/video/{OA}?id=ab12", "ab12"),
        ("https://rd.zapps.vn/detail/999?id=ab12&pageId=999", None),
        (f"https://evil.example/detail/{OA}?id=ab12", None),
        (f"https://rd.zapps.vn/detail/{OA}", None),
        ("https://[::1", None),
    ],
)
def test_a_copied_link_names_an_article_of_the_account_or_none(
    link: str, article: str | None
) -> None:
    assert post_in(link, OA) == article


def test_an_account_is_found_by_its_id() -> None:
    assert account_url(OA) == "https://zalo.me/4444555566"
