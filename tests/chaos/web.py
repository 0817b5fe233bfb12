"""The web process, for feeds and media: `python -m tests.chaos.web`, words as `rough_hub`."""

import sys
from urllib.parse import urlsplit

from services.worker.process import in_new_loop
from tests.bench.web import serve
from tests.chaos.rules import rough_hub

if __name__ == "__main__":
    port = urlsplit(sys.argv[4]).port
    assert port is not None
    in_new_loop(serve(rough_hub(*sys.argv[1:5]), port))
