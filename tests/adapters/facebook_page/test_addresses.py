import pytest

from adapters.facebook_page.addresses import page_url, post_in

PAGE = "111222333"


@pytest.mark.parametrize(
    "link",
    [
        f"https://www.facebook.com/{PAGE}/posts/777888",
        f"https://m.facebook.com/{PAGE}/posts/777888/?mibextid=x",
        f"https://facebook.com/{PAGE}_777888",
        f"https://www.facebook.com/permalink.php?story_fbid=777888&id={PAGE}",
        f"https://mbasic.facebook.com/story.php?id={PAGE}&story_fbid=777888",
        f"https://www.facebook.com/photo.php?fbid=777888&id={PAGE}",
        f"https://www.facebook.com/{PAGE}/videos/777888/",
    ],
)
def test_the_post_of_a_copied_link_is_known(link: str) -> None:
    assert post_in(link, PAGE) == f"{PAGE}_777888"


@pytest.mark.parametrize(
    "link",
    [
        f"https://evil.example/{PAGE}/posts/777888",
        f"https://facebook.com.evil.example/{PAGE}/posts/777888",
        f"https://notfacebook.com/{PAGE}/posts/777888",
        "https://www.facebook.com/999/posts/777888",
        f"https://www.facebook.com/{PAGE}/posts/pfbid0abcDEF",
        "https://www.facebook.com/share/p/1AbCdEf/",
        f"https://www.facebook.com/{PAGE}",
        "https://[::1",
        "",
    ],
)
def test_a_link_that_names_no_post_of_the_page_is_none(link: str) -> None:
    assert post_in(link, PAGE) is None


def test_a_page_is_found_by_its_id() -> None:
    assert page_url(PAGE) == "https://www.facebook.com/111222333"
