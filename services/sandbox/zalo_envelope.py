"""What Zalo's handlers share: a refusal, and reading loosely typed bodies."""

import json
from collections.abc import Mapping

from services.sandbox.wire import Call


class Refused(Exception):  # no error of ours: what Zalo would say
    """An answer other than `error` 0."""

    def __init__(self, code: int, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def json_body(call: Call) -> dict[str, object]:
    """The body as a JSON object; -201 for anything else."""
    try:
        body: object = json.loads(call.request.body)
    except (ValueError, RecursionError):
        raise Refused(-201, "Body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refused(-201, "Body is not a JSON object")
    return body


def data_parameter(call: Call) -> Mapping[str, object]:
    """The JSON in the one query parameter `data` that GETs under /oa/ take (section 0.2)."""
    try:
        data: object = json.loads(call.request.query.get("data", "{}"))
    except ValueError:
        raise Refused(-201, "Parameter data is not valid JSON") from None
    return as_map(data)


def as_map(value: object) -> Mapping[str, object]:
    """A JSON object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[object]:
    """A JSON array, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """A string as it is, a number as its digits, anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
