"""The people and units of the demo's fictional province; nobody here exists."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Role: TypeAlias = Literal["editor", "approver", "responder", "admin", "leader", "auditor"]

# Printed by `loa up --demo` beside every name: it guards made-up data on a loopback address only.
_PASSWORD: Final = "loa-demo-2026"  # noqa: S105  # meant to be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An agency; `parent` is the code of the one above it, None at the top."""

    code: str
    name: str
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in; `unit` is the code of the unit they work for."""

    email: str
    name: str
    roles: tuple[Role, ...]
    unit: str
    password: str = _PASSWORD


# A parent stands before its children, so that they can be made in this order.
UNITS: Final[tuple[Unit, ...]] = (
    Unit(code="HOASEN", name="Ủy ban nhân dân tỉnh Hoa Sen"),
    Unit(code="HOASEN-YT", name="Sở Y tế tỉnh Hoa Sen", parent="HOASEN"),
    Unit(code="HOASEN-P1", name="Ủy ban nhân dân phường Sen Hồng", parent="HOASEN"),
)

# What stands at the foot of the province's public pages, by the names of the hub's settings.
IMPRINT: Final = {
    "address": "Số 1 đường Sen Vàng, phường Sen Hồng, tỉnh Hoa Sen",
    "phone": "0000 1022",
    "email": "banbientap@hoasen.example",
    "responsible": "Bà Đinh Hải Yến, Trưởng Ban Biên tập",
}

PEOPLE: Final[tuple[Person, ...]] = (
    Person(email="ha@hoasen.example", name="Lê Thu Hà", roles=("editor",), unit="HOASEN"),
    Person(email="quan@hoasen.example", name="Trần Minh Quân", roles=("approver",), unit="HOASEN"),
    # Two roles in one person: she may write and approve, but never the same item.
    Person(
        email="yen@hoasen.example",
        name="Đinh Hải Yến",
        roles=("editor", "approver"),
        unit="HOASEN",
    ),
    Person(email="son@hoasen.example", name="Vũ Đình Sơn", roles=("admin",), unit="HOASEN"),
    Person(email="linh@hoasen.example", name="Phan Mỹ Linh", roles=("responder",), unit="HOASEN"),
    Person(email="thach@hoasen.example", name="Lương Văn Thạch", roles=("leader",), unit="HOASEN"),
    Person(email="oanh@hoasen.example", name="Bùi Kim Oanh", roles=("auditor",), unit="HOASEN"),
    Person(email="mai@hoasen.example", name="Phạm Ngọc Mai", roles=("editor",), unit="HOASEN-YT"),
    Person(email="nga@hoasen.example", name="Hồ Thúy Nga", roles=("editor",), unit="HOASEN-P1"),
)
