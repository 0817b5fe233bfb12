"""How a simulated account behaves where sources disagree, or where a test wants it odd.

Defaults follow the better attested reading of zalo-oa-api.md (section 12 lists the switches) and
facebook-pages-api.md.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Traits(BaseModel):
    """What every simulated account can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media_fetch: bool | None = None
    """Whether pictures named by address are really fetched; None follows the whole sandbox."""
    list_lag_seconds: float = 0
    """How long a new post is missing in lists."""
    skew_seconds: float = 0
    """How far this channel's dates are off."""
    require_proof: bool = False
    """Refuses calls without `appsecret_proof`."""
    video_polls: int = 2
    """How often a video is said to be in the works before it is ready."""


class ZaloTraits(Traits):
    """How a simulated Official Account behaves; sections are those of zalo-oa-api.md."""

    oa_type: int = 4
    """2 enterprise, 4 state agency (section 11.1)."""
    verified: bool = True
    package_name: str = "Tăng trưởng"
    package_valid_through_date: str = "31/12/2027"
    num_follower: int = 10482
    expires_in: int = 90000
    """Seconds of an access token (section 1.4)."""
    expires_in_as: Literal["string", "number"] = "string"
    pkce: Literal["optional", "required"] = "optional"
    callback_url: str = ""
    """The registered return address; empty accepts any without a query (section 1.1)."""
    refresh_kills_access: bool = True
    reuse_revokes_family: bool = False
    """Whether presenting a spent refresh token kills the living pair too."""
    spent_refresh_code: int | None = -14014
    """None answers without a numeric `error` (section 1.5)."""
    id_field: Literal["both", "oa_id", "oaid"] = "both"
    zca_field: Literal["linked_ZCA", "linked_zca"] = "linked_ZCA"
    verify_polls: int = 1
    """How often verify answers -214 before the id."""
    verify_seconds: float = 0
    """How long an article is in the works before it exists."""
    media_fail_code: int = -200
    """What verify answers when a picture could not be taken; the real number is unknown."""
    article_quota: int | None = None
    """Articles the OA may hold; beyond it -223 that speaks of a quota (section 3.10)."""
    granted: bool = True
    """Without it articles meet the other -223."""
    package_allows: bool = True
    """Without it articles meet -224."""
    list_limit_code: int = -201
    list_order: Literal["newest", "oldest", "shuffled"] = "newest"
    detail_extras: bool = True
    """Whether details tell `create_date`, `total_view` and `link_view` too (section 3.5)."""
    video_status_as: Literal["int", "string"] = "int"
    update_without_status: Literal["keeps", "hides"] = "keeps"
    video_token_in: Literal["both", "header", "query"] = "both"  # noqa: S105  # a place
    video_fails: bool = False
    broadcast_values: Literal["any", "strings"] = "any"
    broadcast_quota: int | None = None
    cs_quota: Literal["absent", "present"] = "absent"
    calls_per_minute: int = 0
    """0 is no limit and no rate headers (section 10.2)."""


class FacebookTraits(Traits):
    """How a simulated Page behaves; sections are those of facebook-pages-api.md."""

    refuse_duplicates: bool = False
    """Answers 506 to the same words twice in a row (section 4)."""
    ranked_from: int = 25
    """Lists longer than this run no longer strictly by time."""
    page_limit: int = 100
    """The most entries that one page of a list holds, whatever was asked."""
    usage_percent: int = 3
    """What the usage headers tell; 0 leaves them out (section 8.3)."""
    video_seconds: float = 0
    """How long a video is in the works before readers see it."""
    shim_links: bool = False
    """Attachments carry Facebook's own address around the link."""
    trim_text: bool = False
    """Blanks at the ends of lines are dropped, as a channel may."""
    scopes: tuple[str, ...] = (
        "pages_show_list",
        "pages_read_engagement",
        "pages_manage_posts",
        "pages_manage_metadata",
        "pages_manage_engagement",
        "pages_read_user_content",
    )
    followers_count: int = 32905
