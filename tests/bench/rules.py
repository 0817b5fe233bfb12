"""The rules under which is measured: those of service, without a hold to wait for."""

from collections.abc import Mapping
from datetime import timedelta

from services.delivery.hub import Rules

RULES = Rules(hold=timedelta(0))


def sandbox_hosts(url: str) -> Mapping[str, str]:
    """Where the adapters call when the sandbox at this address plays the channels."""
    return {
        "LOA_ZALO_API_URL": f"{url}/zalo",
        "LOA_ZALO_OAUTH_URL": f"{url}/zalo-oauth",
        "LOA_FACEBOOK_GRAPH_URL": f"{url}/graph",
    }
