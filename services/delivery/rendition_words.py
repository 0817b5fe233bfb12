"""What keeps a rendition from going out, or should be known of it, for readers of English.

An adapter tells it in Vietnamese, with the very numbers and names (`Problem.detail`); here is the
same by its code, without them. An adapter of a stranger may give both: `Vietnamese · English`.
"""

from collections.abc import Mapping
from typing import Final

_BORDER: Final = " · "

ENGLISH: Final[Mapping[str, str]] = {
    # what the item itself lacks
    "alt_missing": "A picture or video has no description. Write one for those who cannot see it.",
    "cover_decorative": "The cover cannot be a decoration. Describe it in the library and take "
    "away the mark “decorative”, or choose another one.",
    "gap_left": "A gap of the template was not filled in. Fill it in, or delete it.",
    "link_refused": "A link cannot be used, so only its words will show. Give a whole address that "
    "begins with https://, mailto: or tel:.",
    "media_unknown": "A file named in the text is not in the library. Upload it, then insert it "
    "again.",
    "picture_foreign": "A picture of another site cannot be published. Upload it to the library, "
    "then insert it again; for a video give its YouTube or Facebook address.",
    "quiet_hours": "The time falls into your agency's quiet hours; choose another one unless it is "
    "pressing.",
    # Zalo OA
    "author_shortened": "The agency's name is too long for Zalo and was shortened. An author's "
    "name can be set with the account.",
    "body_not_shown": "A video on Zalo shows only title, summary and video; the rest is on the "
    "portal alone.",
    "cover_missing": "Zalo wants a cover picture. Choose one.",
    "form_changed": "Zalo cannot turn an article into a video or back. Withdraw the old post, then "
    "publish a new one.",
    "media_missing": "The file of a picture or video in the text was not found. Choose it again.",
    "summary_from_body": "There is no summary: Zalo will show the beginning of the text.",
    "summary_long": "The summary is long; a shorter one is sure to be taken by Zalo.",
    "summary_shortened": "A video on Zalo holds summary, correction and link in one short text, so "
    "the summary was shortened. Write less.",
    "summary_too_long": "The summary is longer than Zalo takes. Shorten it.",
    "title_long": "The title is long; a shorter one is sure to be taken by Zalo.",
    "title_missing": "Write a title.",
    "title_too_long": "The title is longer than Zalo takes. Shorten it.",
    "video_format": "Zalo takes MP4 or AVI videos only. Convert it, then upload it again.",
    "video_too_big": "Zalo takes videos of up to 50 MB. Compress it, or give a link to it.",
    # Facebook Page
    "media_kept": "Pictures, video and link card on Facebook stay as they were; only the words are "
    "corrected. To replace them, withdraw the post and publish it again.",
    "pictures_left_out": "A Facebook post with a video shows no pictures: they are left out here.",
    "text_empty": "There are no words yet. Write a title or a text for Facebook.",
    "text_long": "The text is long, and few read to the end on Facebook. A short one of its own is "
    "better; the whole is behind the link.",
    "text_too_long": "The text is longer than Facebook takes. Shorten it, or write a short one for "
    "Facebook.",
    "too_many_pictures": "Facebook shows only the first ten pictures. Put important ones first.",
    "too_many_videos": "A Facebook post has one video: only the first is published.",
    "video_too_large": "The video is too large for Facebook. Compress or cut it.",
    # web portal
    "category_not_carried": "This portal does not take the item's category. Leave the portal out, "
    "or choose another category.",
    "file_not_carried": "Attached files do not go to the portal; readers open them on the item's "
    "page. Add a link if it is needed.",
    "kind_not_carried": "This portal does not take items of this kind. Leave the portal out, or "
    "choose another kind.",
    "summary_missing": "There is no summary, so lists on the portal show the title alone. Write a "
    "sentence or two.",
}


def told(code: str, detail: str, language: str) -> str:
    """What a reader is told about one problem of a rendition.

    Vietnamese as the adapter says it; English by its code, else as the adapter gives it.
    """
    if code in ENGLISH:
        return ENGLISH[code] if language == "en" else detail
    vietnamese, border, english = detail.partition(_BORDER)
    return english if border and language == "en" else vietnamese
