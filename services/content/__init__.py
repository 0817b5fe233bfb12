"""Room: the content store; items, revisions, approvals, and the path a text takes through them."""
