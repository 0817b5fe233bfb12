"""Which network addresses may never be asked on a stranger's word: the deny table, and no guess.

`ipaddress` is not asked whether an address is private or global: it says no to 100.64.0.0/10 and
yes to NAT64, 6to4 and multicast (reliability-security.md R97). So the table is our own, every form
that wraps an IPv4 address in an IPv6 one is opened first, and what is unknown is refused.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

# Reason → networks. Source: reliability-security.md R97; the registries behind it are IANA's
# special-purpose address registries for IPv4 and IPv6.
_DENIED_4: Final = tuple(
    (reason, IPv4Network(network))
    for reason, networks in {
        "unspecified": ("0.0.0.0/8",),
        "loopback": ("127.0.0.0/8",),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        "carrier": ("100.64.0.0/10",),  # 100.100.100.200, a cloud's metadata, stands in here
        "link_local": ("169.254.0.0/16",),  # and 169.254.169.254 here
        "metadata": ("168.63.129.16/32",),
        "multicast": ("224.0.0.0/4",),
        "reserved": (
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
            "192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "240.0.0.0/4",
        ),
    }.items()
    for network in networks
)  # fmt: skip
_DENIED_6: Final = tuple(
    (reason, IPv6Network(network))
    for reason, networks in {
        "unspecified": ("::/128",),
        "loopback": ("::1/128",),
        "private": ("fc00::/7", "fec0::/10"),  # fd00:ec2::254, a cloud's metadata, among them
        "link_local": ("fe80::/10",),
        "multicast": ("ff00::/8",),
        # Wrappings that no honest server is reached through: SIIT, local NAT64, Teredo, 6to4.
        "wrapped": (
            "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
        ),
        "reserved": (
            "100::/64", "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3ffe::/16",
            "3fff::/20", "5f00::/16",
        ),
    }.items()
    for network in networks
)  # fmt: skip
# All that was ever given out to be reached from everywhere (IANA, "Global Unicast").
_GLOBAL_6: Final = IPv6Network("2000::/3")
# Networks without IPv4 reach every old server through this prefix (RFC 6052), so it is judged by
# what is wrapped.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})


def refused(address: str | Address) -> str | None:
    """Why this address may not be asked, as a word for the log; None when it may.

    Text that is no plain address (a name, a zone id, an octal number) is `unreadable`.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return "unreadable"
    if isinstance(known, IPv4Address):
        return next((reason for reason, network in _DENIED_4 if known in network), None)
    if known.scope_id is not None:
        return "link_local"
    inner = wrapped(known)
    if inner is not None:
        return refused(inner)
    for reason, network in _DENIED_6:
        if known in network:
            return reason
    if known not in _GLOBAL_6:
        return "unknown"
    if (int(known) >> 32) & 0xFFFFFFFF in _ISATAP:
        return refused(IPv4Address(int(known) & 0xFFFFFFFF))
    return None


def wrapped(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a packet for this one would reach (mapped, NAT64), or None."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def same(one: str | Address, other: str | Address) -> bool:
    """Whether both are one address, however it is written or wrapped."""
    return _plain(one) == _plain(other)


def _plain(address: str | Address) -> Address:
    known = ip_address(address)
    if isinstance(known, IPv6Address):
        return wrapped(known) or known
    return known
