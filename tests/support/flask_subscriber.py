"""A WebSub subscriber made of somebody else's library (Flask-WebSub), as a program of its own.

`python -m tests.support.flask_subscriber PORT FOLDER`. The library finds the hub, makes up a
secret, answers the hub's questions and checks signatures; this file only passes on what a test asks
for.
"""

import importlib
import sys
from typing import Any


def main(port: int, folder: str) -> None:
    """Serves until it is killed."""
    # Neither library is one of ours, nor needed anywhere else: by name, so that no checker minds.
    flask: Any = importlib.import_module("flask")
    library: Any = importlib.import_module("flask_websub.subscriber")
    subscriber = library.Subscriber(
        library.SQLite3SubscriberStorage(f"{folder}/kept.sqlite3"),
        library.SQLite3TempSubscriberStorage(f"{folder}/waiting.sqlite3"),
        REQUEST_TIMEOUT=30,
    )
    app = flask.Flask(__name__)
    app.register_blueprint(subscriber.build_blueprint(url_prefix="/callbacks"))
    heard: list[dict[str, str]] = []

    def taken(topic: str, callback: str, body: bytes) -> None:
        # Only called for a body whose signature is right.
        heard.append({"what": "push", "topic": topic, "id": callback, "body": body.decode()})

    def agreed(topic: str, callback: str, mode: str) -> None:
        heard.append({"what": mode, "topic": topic, "id": callback})

    def refused(topic: str, callback: str, reason: str) -> None:
        heard.append({"what": "denied", "topic": topic, "id": callback, "reason": reason})

    subscriber.add_listener(taken)
    subscriber.add_success_handler(agreed)
    subscriber.add_error_handler(refused)

    def follow() -> Any:
        found = library.discover(flask.request.form["url"], timeout=30)
        return {"id": subscriber.subscribe(**found), **found}

    def renew() -> Any:
        subscriber.renew(flask.request.form["id"])
        return {}

    def leave() -> Any:
        subscriber.unsubscribe(flask.request.form["id"])
        return {}

    def tell() -> Any:
        return heard

    app.add_url_rule("/follow", view_func=follow, methods=["POST"])
    app.add_url_rule("/renew", view_func=renew, methods=["POST"])
    app.add_url_rule("/leave", view_func=leave, methods=["POST"])
    app.add_url_rule("/heard", view_func=tell)
    app.run(host="127.0.0.1", port=port, threaded=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
