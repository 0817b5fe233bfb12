"""Ways to write an address that leads inside: what a guard must see through.

Names among them are answered by `LYING_NAMES`, as a hostile name server would answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

# Every network that must not be reached, by one address at least (reliability-security.md R97).
INNER_4: Final = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "127.0.0.1", "127.0.0.2", "127.255.255.254", "168.63.129.16", "169.254.0.1",
    "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
INNER_6: Final = (
    "::", "::1", "::2", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "::7f00:1", "::a00:1", "::ffff:0:127.0.0.1",
    "::ffff:0:7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1", "64:ff9b:1::1", "100::1", "2001::7f00:1", "2001:0:4136:e378:8000::1",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:7f00:1::1",
    "2002:a00:1::1", "2002:a9fe:a9fe::", "3ffe::1", "3fff::1", "3fff:fff:ffff::1", "4000::1",
    "5f00::1", "8000::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::7f00:1",
    "fec0::1", "ff02::1", "ff0e::1", "2a00::5efe:7f00:1", "2a00::200:5efe:a00:1",
)  # fmt: skip
OUTER: Final = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "113.160.92.202", "126.255.255.255", "128.0.0.1", "168.63.129.15", "172.15.255.255",
    "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "2001:200::1", "2400:cb00::1", "2606:4700::1111", "2a00:1450::1",
    "::ffff:8.8.8.8", "64:ff9b::808:808",
)  # fmt: skip

# 127.0.0.1 as the C library reads it, though no browser bar shows it so.
_LOOPBACK_NUMBERS: Final = (
    "127.1", "127.0.1", "127.000.000.001", "0127.0.0.1", "0177.0.0.1", "0177.00.00.01", "0x7f.1",
    "0x7f.0.0.1", "0x7f000001", "0X7F000001", "0x7F.0x0.0x0.0x1", "2130706433", "017700000001",
    "00000000177.0.0.1", "0x000000007f.1", "127.0.0.1.", "127.1.", "0", "00", "0x0", "0.0", "0.0.0",
    "0x7f.0.1", "127.0x1", "127.0.01", "2130706433.", "1.0x7f", "3232235521", "2852039166",
    "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "10.1", "192.168.1", "172.16.1", "256.1",
    "127.0.0.1.1", "127.0.0.257", "0x100000001", "4294967297",
)  # fmt: skip
# Written otherwise, and made plain by the rules of international names.
_LOOPBACK_LETTERS: Final = (
    "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "１２７.０.０.１",
    "１２７。０。０。１", "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "locaⅼhost", "loc\u00adalhost", "local\u200bhost",
    "l\u2060ocalhost",
    "localhost\u3002", "ʟocalhost", "LOCALHOST", "LocalHost", "①27.0.0.1", "127.0.0.①", "½.1",
    "127.0.0.1\u0307", "０x7f.1", "[::１]", "[::ffff:127。0。0。1]",
)  # fmt: skip
_NAMES: Final = (
    "localhost", "localhost.", "localhost.localdomain", "a.localhost", "printer", "intranet",
    "router.local", "db.internal", "metadata.google.internal", "instance-data", "host.lan",
    "mail.corp", "box.home", "nas.home.arpa", "1.0.0.127.in-addr.arpa", "site.test", "a.invalid",
    "site.example", "hidden.onion", "kubernetes.default.svc", "redis", "-a-.vn",
    "a..vn", ".vn", "vn", "a_b", "ho st.vn", "xn--.vn", "a.xn--",
)  # fmt: skip
# Names as anybody may register them, and where their owner makes them lead.
LYING_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "inner.donvi.vn": ("127.0.0.1",),
    "inner6.donvi.vn": ("::1",),
    "zero.donvi.vn": ("0.0.0.0",),
    "zero6.donvi.vn": ("::",),
    "mapped.donvi.vn": ("::ffff:127.0.0.1",),
    "nat.donvi.vn": ("64:ff9b::7f00:1",),
    "zone.donvi.vn": ("fe80::1%lo",),
    "metadata.donvi.vn": ("169.254.169.254",),
    "azure.donvi.vn": ("168.63.129.16",),
    "mixed.donvi.vn": ("8.8.8.8", "127.0.0.1"),
    "mixed6.donvi.vn": ("2606:4700::1111", "::1"),
    "last.donvi.vn": ("8.8.8.8", "1.1.1.1", "9.9.9.9", "127.0.0.1"),
    "private.donvi.vn": ("10.0.0.1",),
    "127.0.0.1.nip.io.vn": ("127.0.0.1",),
    "thôngbáo.vn": ("127.0.0.1",),
    "xn--thngbo-tta2m.vn": ("127.0.0.1",),
    "empty.donvi.vn": (),
    "broken.donvi.vn": ("not an address",),
}


def forms(port: int) -> Iterator[str]:
    """Web addresses that lead to `port` of this machine or to another inner place, or nowhere."""
    for host in (*INNER_4, *_LOOPBACK_NUMBERS, *_LOOPBACK_LETTERS, *_NAMES, *LYING_NAMES):
        yield f"http://{host}:{port}/"
    for host in INNER_6:
        yield f"http://[{host}]:{port}/"
    for host in ("127.0.0.1", "[::1]", "localhost", "inner.donvi.vn"):
        yield f"https://{host}:{port}/"
        yield f"http://{host}/"
        yield f"https://{host}/"
        yield f"HTTP://{host}:{port}"
        yield f"http://donvi.vn@{host}:{port}/"
        yield f"http://donvi.vn:80@{host}:{port}/"
        yield f"http://donvi.vn%40{host}:{port}/"
        yield f"http://@{host}:{port}/"
        yield f"http://{host}:{port}@donvi.invalid/"
        yield f"http://donvi.invalid\\@{host}:{port}/"
        yield f"http://{host}:{port}\\@donvi.invalid/"
        yield f"http://donvi.invalid#@{host}:{port}/"
        yield f"http://donvi.invalid?@{host}:{port}/"
        yield f"http:\\\\{host}:{port}\\"
        yield f"http:/{host}:{port}/"
        yield f"http:{host}:{port}/"
        yield f"http:///{host}:{port}/"
        yield f"//{host}:{port}/"
        yield f" http://{host}:{port}/"
        yield f"ht\ttp://{host}:{port}/"
        yield f"http://\n{host}:{port}/"
        yield f"http://{host}\t:{port}/"
        yield f"http://{host}:0{port}/"
        yield f"http://{host}:{port + 65536}/"
        yield f"http://{host}:{port}\x00.donvi.invalid/"
        yield f"http://{host}%00.donvi.invalid:{port}/"
        yield f"http://{host}%2f.donvi.invalid:{port}/"
        yield f"http://{host}:{port}%23.donvi.invalid/"
        yield f"url:http://{host}:{port}/"
        for scheme in ("ftp", "gopher", "dict", "ldap", "ws", "unix", "jar:http", "feed", "tftp"):
            yield f"{scheme}://{host}:{port}/"
    for host in ("%31%32%37.0.0.1", "%6c%6f%63%61%6c%68%6f%73%74", "127%2e0%2e0%2e1", "[::1%25lo]",
                 "[::1%lo]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::0001]", "[::1]x", "[::1",
                 "[v1.::1]", "[127.0.0.1]", "[::ffff:127.1]", "[::ffff:0177.0.0.1]"):  # fmt: skip
        yield f"http://{host}:{port}/"
    yield from (
        "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "/etc/passwd", "data:text/xml,<rss/>",
        "javascript:alert(1)", "about:blank", "", "http://", "https://", "http://:80/", "http://[]/",
        f"http://127.0.0.1:{port}/" + "a" * 2048, "http://?", "http://#", "http://.", "http://..",
        "\ufeffhttp://127.0.0.1/", "hŧtp://127.0.0.1/", "http://\ud800.vn/",
    )  # fmt: skip
