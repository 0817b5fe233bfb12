"""The catalogue of acts. An act that is not named here cannot be recorded (R64)."""

from enum import StrEnum


class Act(StrEnum):
    """What was done, or refused. `<thing>.<what happened to it>`."""

    # items
    ITEM_CREATED = "item.created"
    ITEM_TAKEN_OVER = "item.taken_over"
    ITEM_EDITED = "item.edited"
    ITEM_SUBMITTED = "item.submitted"
    ITEM_RETURNED = "item.returned"
    ITEM_APPROVED = "item.approved"
    ITEM_WITHDRAWN = "item.withdrawn"
    ITEM_STOPPED = "item.stopped"
    ITEM_RESCHEDULED = "item.rescheduled"
    APPROVAL_REFUSED = "approval.refused"
    APPROVAL_VOIDED = "approval.voided"
    ACT_REFUSED = "act.refused"
    MEDIA_ADDED = "media.added"
    MEDIA_CHANGED = "media.changed"
    TEMPLATE_ADDED = "template.added"
    TEMPLATE_CHANGED = "template.changed"
    TEMPLATE_REMOVED = "template.removed"
    TEMPLATE_RESTORED = "template.restored"
    LINK_MADE = "link.made"
    LINK_REVOKED = "link.revoked"
    # publications
    PUBLICATION_RETRIED = "publication.retried"
    PUBLICATION_DECIDED = "publication.decided"
    PUBLICATION_REPAIRED = "publication.repaired"
    PUBLICATION_FAILED = "publication.failed"
    # accounts
    ACCOUNT_ADDED = "account.added"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_PAUSED = "account.paused"
    ACCOUNT_RESUMED = "account.resumed"
    ACCOUNT_CLOSED = "account.closed"
    ACCOUNT_POSTS_ASKED = "account.posts_asked"
    ACCOUNT_CREDENTIALS_CHANGED = "account.credentials_changed"
    ACCOUNT_CREDENTIALS_RENEWED = "account.credentials_renewed"
    ACCOUNT_CONNECT_STARTED = "account.connect_started"
    ACCOUNT_CONSENT_LOST = "account.consent_lost"
    ACCOUNT_SUBSCRIBER_REMOVED = "account.subscriber_removed"
    # how the house works
    AGENCY_CHANGED = "agency.changed"
    SIGNING_KEY_ROTATED = "signing_key.rotated"
    # sources
    SOURCE_ADDED = "source.added"
    SOURCE_CHANGED = "source.changed"
    SOURCE_PAUSED = "source.paused"
    SOURCE_RESUMED = "source.resumed"
    SOURCE_STOPPED = "source.stopped"
    SOURCE_REMOVED = "source.removed"
    SOURCE_RESTORED = "source.restored"
    SOURCE_ENTRY_DISMISSED = "source.entry_dismissed"
    SOURCE_ENTRY_RESTORED = "source.entry_restored"
    # hub-wide switches
    FREEZE_ON = "freeze.on"
    FREEZE_OFF = "freeze.off"
    FENCE_ON = "fence.on"
    FENCE_OFF = "fence.off"
    # people and programs
    UNIT_ADDED = "unit.added"
    STAFF_ADDED = "staff.added"
    STAFF_ROLES_CHANGED = "staff.roles_changed"
    STAFF_DEACTIVATED = "staff.deactivated"
    STAFF_REACTIVATED = "staff.reactivated"
    STAFF_LOCALE_CHANGED = "staff.locale_changed"
    STAFF_PASSWORD_CHANGED = "staff.password_changed"  # noqa: S105  # the name of an act
    STAFF_OTP_CHANGED = "staff.otp_changed"
    STAFF_RECOVERY_CODES_MADE = "staff.recovery_codes_made"
    STAFF_RECOVERY_CODE_USED = "staff.recovery_code_used"
    SESSION_STARTED = "session.started"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    TOKEN_ADDED = "token.added"  # noqa: S105  # the name of an act
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  # the name of an act
    INVITATION_CREATED = "invitation.created"
    INVITATION_ACCEPTED = "invitation.accepted"
