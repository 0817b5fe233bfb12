"""Public addresses on Zalo: where an Official Account stands, which article a copied link names."""

from urllib.parse import parse_qs, urlsplit

from shared.contract.messages import RemoteId

# Where articles are read (zalo-oa-api.md section 3.9).
_HOSTS = frozenset({"rd.zapps.vn", "post.oa.zalo.me", "oa.zalo.me"})


def account_url(oa_id: str) -> str:
    """The account's page; Zalo opens it in the app."""
    return f"https://zalo.me/{oa_id}"


def post_in(url: str, oa_id: str) -> RemoteId | None:
    """The id of the OA's article that a link names; None where it names none of its articles."""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError:
        return None
    owners = {*query.get("pageId", ()), *parts.path.split("/")}
    if (parts.hostname or "").rstrip(".") not in _HOSTS or oa_id not in owners:
        return None
    named = query.get("id", [""])[0]
    return RemoteId(named) if named else None
