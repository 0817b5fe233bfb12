"""The words of problems: code → (Vietnamese, English), each what happened, its effect, what next.

The codes come from delivery itself, from the token service and from the adapters' tables; the same
code means the same on every channel. "This change" is a first post, a correction or a withdrawal.
Wording: console-ux.md section 7. A test finds every code of the source that has no words here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

_Three: TypeAlias = tuple[str, str, str]
Pair: TypeAlias = tuple[_Three, _Three]

# ── Effects that many problems share ─────────────────────────────────────────────────────────────

_NOT_YET: Final = (
    "Thay đổi này chưa hiện trên kênh.",
    "This change does not show on the channel yet.",
)
_UNKNOWN_YET: Final = (
    "Chưa rõ thay đổi này đã hiện trên kênh hay chưa; Loa không gửi lại khi chưa biết chắc.",
    "It is not known whether this change shows; Loa sends nothing again before that is certain.",
)
_ALL_WAIT: Final = (
    "Kênh đã tạm dừng: mọi việc chờ trên kênh này được giữ nguyên, không mất gì.",
    "The account is paused: everything that waits there is kept, nothing is lost.",
)
_STANDS: Final = (
    "Người dân đang thấy nội dung khác với bản đã duyệt. Loa không tự sửa trên kênh.",
    "People see something else than what was approved. Loa changes nothing there by itself.",
)

# ── Next steps that many problems share ──────────────────────────────────────────────────────────

_AUTOMATIC: Final = (
    "Loa sẽ tự thử lại; bạn chưa cần làm gì.",
    "Loa will try again by itself; there is nothing for you to do yet.",
)
_READING: Final = (
    "Loa đang đọc lại kênh; bạn chưa cần làm gì. Nếu vẫn chưa rõ, Loa sẽ nhờ bạn quyết định.",
    "Loa is reading the channel back; nothing to do yet. If it stays unclear, you will be asked.",
)
_DECIDE: Final = (
    "Hãy mở kênh để xem, rồi chọn: đúng là bài này, không có bài nào, hoặc dừng lại.",
    "Look at the channel, then choose: it is this post, it is not there, or stop.",
)
_EDIT: Final = (
    "Hãy sửa nội dung rồi gửi duyệt lại.",
    "Edit the text, then submit it again.",
)
_RECONNECT: Final = (
    "Nhờ quản trị nối lại kênh; các việc đang chờ sẽ tự đi tiếp.",
    "Ask an admin to reconnect the account; what waits then goes on by itself.",
)
_RECONNECT_THEN_RESUME: Final = (
    "Nhờ quản trị nối lại kênh, kiểm tra kết nối, rồi cho kênh chạy tiếp.",
    "Ask an admin to reconnect the account, check the connection, then resume it.",
)
_LOOK_AND_RESUME: Final = (
    "Nhờ quản trị xử lý với kênh, kiểm tra kết nối, rồi cho kênh chạy tiếp.",
    "Ask an admin to settle it with the channel, check the connection, then resume the account.",
)
_EDIT_IF_ABSENT: Final = (
    "Loa đang đọc lại kênh. Nếu thay đổi không hiện, hãy sửa nội dung rồi gửi duyệt lại.",
    "Loa is reading the channel back. If the change is not there, edit the text and submit again.",
)
_REPAIR: Final = (
    "Hãy mở bài trên kênh để xem, rồi chọn Khôi phục hoặc gỡ bài.",
    "Open the post on the channel, then choose Repair, or withdraw the item.",
)


def _pair(
    happened_vi: str, happened_en: str, effect: tuple[str, str], following: tuple[str, str]
) -> Pair:
    return (happened_vi, effect[0], following[0]), (happened_en, effect[1], following[1])


UNKNOWN: Final = _pair(
    "Kênh gặp tình huống chưa có lời giải thích (mã {code}).",
    "The account met a situation that has no explanation yet (code {code}).",
    (
        "Xem trạng thái bên cạnh để biết thay đổi này đã hiện trên kênh hay chưa.",
        "The state beside it tells whether this change shows on the channel.",
    ),
    (
        "Hãy mở kênh để xem, và báo mã này cho quản trị.",
        "Look at the channel, and tell an admin this code.",
    ),
)

_OF_DELIVERY: Final[Mapping[str, Pair]] = {
    "worker_lost": _pair(
        "Máy gửi dừng đột ngột khi đang gọi kênh.",
        "The sending process ended while it was calling the channel.",
        _UNKNOWN_YET,
        _READING,
    ),
    "adapter_broke": _pair(
        "Phần kết nối kênh gặp lỗi khi đang gọi.",
        "The channel's adapter failed during the call.",
        _UNKNOWN_YET,
        _READING,
    ),
    "id_taken": _pair(
        "Kênh trả về mã của một bài đã có trong Loa.",
        "The channel answered with the id of a post that Loa already has.",
        _UNKNOWN_YET,
        _DECIDE,
    ),
    "undecided": _pair(
        "Loa đã đọc lại kênh nhiều lần mà chưa thể kết luận.",
        "Loa has read the channel back several times and cannot tell.",
        _UNKNOWN_YET,
        _DECIDE,
    ),
    "duplicates_found": _pair(
        "Trên kênh có hơn một bài giống bài này.",
        "The channel shows more than one post like this one.",
        (
            "Loa theo dõi bài sớm nhất; người dân có thể đang thấy bài trùng.",
            "Loa keeps to the earliest; people may be seeing it twice.",
        ),
        (
            "Hãy xem các bài trùng được liệt kê và gỡ chúng trên kênh.",
            "Look at the duplicates listed and take them down on the channel.",
        ),
    ),
    "approval_void": _pair(
        "Phê duyệt của bản này không còn hiệu lực.",
        "The approval of this revision no longer holds.",
        (
            "Bản này không được gửi đi; nội dung đang hiện, nếu có, giữ nguyên.",
            "This revision was not sent; what shows already, if anything, stays.",
        ),
        ("Hãy mở tin và duyệt lại.", "Open the item and approve it again."),
    ),
    "expired": _pair(
        "Đã quá hạn cuối của bài trước khi gửi được.",
        "The last useful time passed before it could be sent.",
        _NOT_YET,
        (
            "Nếu bài vẫn cần thiết, hãy chọn Thử lại; nếu không, hãy gỡ bài.",
            "If it is still of use, choose Retry; if not, withdraw the item.",
        ),
    ),
    "not_able": _pair(
        "Loại kênh này không làm được việc đó.",
        "This kind of channel cannot do that.",
        _NOT_YET,
        (
            "Hãy làm trực tiếp trên kênh; nhờ quản trị kiểm tra rồi cho kênh chạy tiếp.",
            "Do it on the channel itself; ask an admin to check and to resume the account.",
        ),
    ),
    "earlier_text_shown": _pair(
        "Kênh đang hiện lại bản cũ của bài này.",
        "The channel shows an earlier text of this item again.",
        (
            "Người dân có thể đang đọc nội dung đã được thay.",
            "People may be reading a text that was replaced.",
        ),
        (
            "Loa đang tự đưa bản mới lên lại; bạn chưa cần làm gì.",
            "Loa is putting the newer text back; there is nothing for you to do.",
        ),
    ),
    "stopped_by_person": _pair(
        "Một người đã cho dừng việc này khi chưa rõ kết quả.",
        "A person stopped this while its outcome was unclear.",
        (
            "Bài vẫn có thể đã hiện trên kênh; Loa theo dõi kênh trong 24 giờ.",
            "The post may still show; Loa watches the channel for 24 hours.",
        ),
        (
            "Hãy mở kênh để xem; nếu cần đăng, chọn Thử lại, nếu không, hãy gỡ bài.",
            "Look at the channel; choose Retry if it is needed, otherwise withdraw the item.",
        ),
    ),
    "cannot_read_back": _pair(
        "Loại kênh này không cho đọc lại bài đã đăng.",
        "This kind of channel cannot be read back.",
        _UNKNOWN_YET,
        (
            "Hãy mở kênh để xem rồi cho Loa biết kết quả.",
            "Look at the channel, then tell Loa the outcome.",
        ),
    ),
    "channel_error": _pair(
        "Kênh báo lỗi mà không nói rõ lỗi gì.",
        "The channel reported an error without saying which.",
        _UNKNOWN_YET,
        _READING,
    ),
    "uncertain": _pair(
        "Chưa rõ kết quả của lần gọi vừa rồi.",
        "The outcome of the last call is unknown.",
        _UNKNOWN_YET,
        _READING,
    ),
    "not_sent": _pair(
        "Chưa gửi được tới kênh; chắc chắn chưa có gì đi ra.",
        "It could not be sent; certainly nothing has left.",
        _NOT_YET,
        _AUTOMATIC,
    ),
    "lease_short": _pair(
        "Máy gửi bị chậm nên chưa gọi kênh; chắc chắn chưa có gì đi ra.",
        "The sending process was held up and made no call; certainly nothing has left.",
        _NOT_YET,
        _AUTOMATIC,
    ),
    "rejected": _pair(
        "Kênh từ chối yêu cầu này trước khi làm gì.",
        "The channel refused this request before doing anything.",
        _NOT_YET,
        (
            "Hãy xem lời của kênh bên dưới, rồi sửa bài hoặc nhờ quản trị kiểm tra kênh.",
            "Read the channel's words below, then edit the item or have the account checked.",
        ),
    ),
}

_OF_ACCOUNTS: Final[Mapping[str, Pair]] = {
    "account_paused": _pair(
        "Một người đã tạm dừng kênh này.",
        "A person has paused this account.",
        _ALL_WAIT,
        (
            "Xem lý do đã ghi. Khi xong việc, quản trị hoặc người duyệt cho kênh chạy tiếp.",
            "Read the reason given. When it is settled, an admin or approver resumes the account.",
        ),
    ),
    "closed": _pair(
        "Kênh này đã đóng trong Loa.",
        "This account is closed in Loa.",
        (
            "Không việc nào được gửi tới kênh này nữa; bài đã đăng giữ nguyên trên kênh.",
            "Nothing is sent to it any more; what was published stays on the channel.",
        ),
        (
            "Nếu cần đăng hoặc gỡ, nhờ quản trị nối lại nơi đăng này thành kênh mới.",
            "To publish or withdraw there, ask an admin to connect the outlet as a new account.",
        ),
    ),
    "frozen": _pair(
        "Việc đăng đang được tạm giữ trên mọi kênh.",
        "Publishing is being held on every channel.",
        (
            "Bài mới và đính chính chờ; việc gỡ bài vẫn làm bình thường.",
            "New posts and corrections wait; withdrawals go on.",
        ),
        (
            "Xem lý do đã ghi. Khi an toàn, quản trị hoặc người duyệt bỏ tạm giữ.",
            "Read the reason given. When it is safe, an admin or approver lifts the hold.",
        ),
    ),
    "fenced": _pair(
        "Loa vừa được phục hồi từ bản sao lưu nên chưa gửi gì ra ngoài.",
        "Loa was restored from a backup and sends nothing yet.",
        (
            "Mọi việc, kể cả gỡ bài, chờ cho tới khi có người đối chiếu với các kênh.",
            "Everything waits, withdrawals too, until a person has compared it with the channels.",
        ),
        (
            "Nhờ quản trị đối chiếu rồi chạy lệnh: loa restore --lift",
            "Ask an admin to compare, then to run: loa restore --lift",
        ),
    ),
    "runaway": _pair(
        "Kênh này nhận quá nhiều bài trong một giờ.",
        "Too many posts went to this account within an hour.",
        _ALL_WAIT,
        (
            "Hãy xem các bài đang chờ có đúng ý không, rồi cho kênh chạy tiếp.",
            "See whether the waiting posts are meant, then resume the account.",
        ),
    ),
    "token_refused": _pair(
        "Kênh liên tục từ chối quyền truy cập, kể cả sau khi làm mới.",
        "The channel keeps refusing our access, even after renewing it.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "needs_consent": _pair(
        "Quyền kết nối với kênh đã hết và không tự gia hạn được.",
        "The right to use the account has ended and cannot be renewed by itself.",
        _ALL_WAIT,
        _RECONNECT,
    ),
    "consent_lost": _pair(
        "Kênh báo quyền kết nối đã bị thu hồi hoặc đã dùng hết.",
        "The channel says that the connection was revoked or is used up.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "consent_refused": _pair(
        "Việc nối kênh không được đồng ý trên trang của kênh.",
        "The connection was not agreed to on the channel's page.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "token_missing": _pair(
        "Kênh chưa có mã truy cập để gọi.",
        "The account has no access token to call with.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "token_expired": _pair(
        "Mã truy cập của kênh đã hết hạn.",
        "The account's access token has expired.",
        _NOT_YET,
        (
            "Loa sẽ tự làm mới nếu được. Nếu kênh bị tạm dừng, nhờ quản trị nối lại kênh.",
            "Loa renews it if it can. If the account gets paused, ask an admin to reconnect it.",
        ),
    ),
    "wrong_token": _pair(
        "Mã truy cập đang dùng không phải của trang này.",
        "The access token in use is not this page's own.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "wrong_account": _pair(
        "Kênh trả lời bằng tên của một tài khoản khác.",
        "The channel answered for another account.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "not_permitted": _pair(
        "Kênh báo Loa không có quyền làm việc này.",
        "The channel says that Loa may not do this.",
        _NOT_YET,
        (
            "Nhờ quản trị kiểm tra quyền đã cấp cho Loa và nối lại kênh.",
            "Ask an admin to check the rights given to Loa, and to reconnect the account.",
        ),
    ),
    "account_blocked": _pair(
        "Kênh đang bị nền tảng chặn hoặc hạn chế.",
        "The platform has blocked or restricted the account.",
        _NOT_YET,
        _LOOK_AND_RESUME,
    ),
    "account_missing": _pair(
        "Nền tảng không còn thấy kênh này.",
        "The platform no longer knows this account.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "account_unverified": _pair(
        "Kênh chưa được xác thực nên chưa dùng được chức năng này.",
        "The account is not verified, so it may not do this yet.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "package_too_low": _pair(
        "Gói dịch vụ của kênh không có chức năng này.",
        "The account's service package does not include this.",
        _ALL_WAIT,
        (
            "Nhờ quản trị nâng gói dịch vụ với kênh, rồi cho kênh chạy tiếp.",
            "Ask an admin to upgrade the package, then to resume the account.",
        ),
    ),
    "page_missing": _pair(
        "Không tìm thấy trang hoặc bài này, hoặc Loa không còn quyền xem.",
        "The page or post cannot be found, or Loa may no longer see it.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "app_not_linked": _pair(
        "Ứng dụng chưa được liên kết với kênh.",
        "The application is not linked with the account.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "app_not_active": _pair(
        "Ứng dụng dùng để nối kênh đang bị tắt hoặc chưa kích hoạt.",
        "The application used for the connection is switched off.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "app_not_registered": _pair(
        "Ứng dụng chưa đăng ký chức năng này với nền tảng.",
        "The application is not registered for this function.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "app_secret_wrong": _pair(
        "Khoá bí mật của ứng dụng không đúng.",
        "The application's secret is not right.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "proof_refused": _pair(
        "Kênh từ chối chữ ký của Loa; khoá bí mật của ứng dụng có thể đã đổi.",
        "The channel refused our proof; the application's secret may have changed.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "callback_not_registered": _pair(
        "Địa chỉ quay về của Loa chưa được khai báo với nền tảng.",
        "Loa's return address is not registered with the platform.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "not_supported": _pair(
        "Kênh không cho ứng dụng này sửa bài đó; bài có thể do ứng dụng khác tạo.",
        "The channel does not let this application change that post; another may have made it.",
        _ALL_WAIT,
        _LOOK_AND_RESUME,
    ),
    "channel_broken": _pair(
        "Không khởi động được phần kết nối với loại kênh này.",
        "The adapter for this kind of channel could not be started.",
        _ALL_WAIT,
        (
            "Nhờ quản trị xem trang sức khoẻ hệ thống, sửa phần kết nối, rồi cho kênh chạy tiếp.",
            "Ask an admin to read the health page, mend the adapter, then resume the account.",
        ),
    ),
    "channel_not_found": _pair(
        "Chưa cài phần kết nối cho loại kênh này.",
        "No adapter for this kind of channel is installed.",
        _ALL_WAIT,
        (
            "Nhờ quản trị cài phần kết nối, rồi cho kênh chạy tiếp.",
            "Ask an admin to install the adapter, then to resume the account.",
        ),
    ),
    "seal_broken": _pair(
        "Không mở được thông tin bí mật của kênh.",
        "The account's secrets cannot be opened.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "seal_key_unknown": _pair(
        "Thông tin bí mật của kênh được khoá bằng một khoá mà Loa không có.",
        "The account's secrets were sealed with a key that Loa does not have.",
        _ALL_WAIT,
        (
            "Nhờ quản trị đặt lại khoá cũ (LOA_SECRET_KEY_PREVIOUS), rồi cho kênh chạy tiếp.",
            "Ask an admin to provide the old key (LOA_SECRET_KEY_PREVIOUS), then resume.",
        ),
    ),
    "settings_invalid": _pair(
        "Cài đặt của kênh không còn hợp lệ với phần kết nối.",
        "The account's settings no longer fit its adapter.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
    "credentials_invalid": _pair(
        "Thông tin bí mật của kênh không còn hợp lệ với phần kết nối.",
        "The account's credentials no longer fit its adapter.",
        _ALL_WAIT,
        _RECONNECT_THEN_RESUME,
    ),
}

_OF_CHANNELS: Final[Mapping[str, Pair]] = {
    "unreachable": _pair(
        "Không kết nối được tới kênh; chắc chắn chưa có gì đi ra.",
        "The channel could not be reached; certainly nothing has left.",
        _NOT_YET,
        _AUTOMATIC,
    ),
    "no_answer": _pair(
        "Kênh không trả lời kịp.",
        "The channel did not answer in time.",
        _UNKNOWN_YET,
        _READING,
    ),
    "unreadable_answer": _pair(
        "Kênh trả lời theo cách không đọc được.",
        "The channel's answer could not be read.",
        _UNKNOWN_YET,
        _READING,
    ),
    "channel_down": _pair(
        "Kênh đang gặp sự cố.",
        "The channel is having trouble.",
        _UNKNOWN_YET,
        _READING,
    ),
    "rate_limited": _pair(
        "Kênh yêu cầu gọi chậm lại.",
        "The channel asks for fewer calls.",
        _NOT_YET,
        _AUTOMATIC,
    ),
    "quota_used_up": _pair(
        "Kênh đã hết hạn mức bài đăng của kỳ này.",
        "The account's allowance of posts for this period is used up.",
        (
            "Bài mới chờ kỳ sau; sửa và gỡ bài vẫn làm được.",
            "New posts wait for the next period; corrections and withdrawals go on.",
        ),
        (
            "Loa sẽ tự thử lại. Nếu gấp, hãy nâng hạn mức với kênh hoặc dùng kênh khác.",
            "Loa will try again. If it is urgent, raise the allowance or use another channel.",
        ),
    ),
    "still_processing": _pair(
        "Kênh vẫn đang xử lý bài.",
        "The channel is still processing the post.",
        _NOT_YET,
        _AUTOMATIC,
    ),
    "not_shown": _pair(
        "Kênh đã nhận bài nhưng chưa cho hiện.",
        "The channel has taken the post but does not show it.",
        _UNKNOWN_YET,
        _READING,
    ),
    "absence_unproven": _pair(
        "Chưa chứng minh được là bài không còn trên kênh.",
        "It is not proven that the post is gone from the channel.",
        _UNKNOWN_YET,
        _READING,
    ),
    "nothing_to_remove": _pair(
        "Không có bài nào mà Loa biết chắc để gỡ.",
        "There is no post that Loa knows for certain to take down.",
        (
            "Bài có thể vẫn hiện trên kênh.",
            "The post may still show on the channel.",
        ),
        _READING,
    ),
    "duplicate_refused": _pair(
        "Kênh cho rằng bài này trùng với một bài đã có.",
        "The channel says that this repeats an existing post.",
        _UNKNOWN_YET,
        _EDIT_IF_ABSENT,
    ),
    "content_refused": _pair(
        "Kênh không nhận nội dung này.",
        "The channel does not accept this content.",
        _UNKNOWN_YET,
        _EDIT_IF_ABSENT,
    ),
    "refused_by_channel": _pair(
        "Kênh từ chối mà không nói rõ lý do.",
        "The channel refused without a clear reason.",
        _UNKNOWN_YET,
        _EDIT_IF_ABSENT,
    ),
    "unknown_refusal": _pair(
        "Kênh từ chối bằng một mã mà Loa chưa biết.",
        "The channel refused with a code that Loa does not know.",
        _UNKNOWN_YET,
        _READING,
    ),
    "invalid_parameter": _pair(
        "Kênh không nhận một phần của bài.",
        "The channel does not accept a part of this post.",
        _NOT_YET,
        _EDIT,
    ),
    "above_limit": _pair(
        "Bài vượt giới hạn của kênh.",
        "The post is above a limit of the channel.",
        _NOT_YET,
        (
            "Hãy rút gọn nội dung rồi gửi duyệt lại.",
            "Shorten the text, then submit it again.",
        ),
    ),
    "media_refused": _pair(
        "Kênh không nhận ảnh hoặc video của bài.",
        "The channel does not accept a picture or video of this post.",
        _NOT_YET,
        (
            "Hãy thay ảnh hoặc video rồi gửi duyệt lại.",
            "Replace the picture or video, then submit it again.",
        ),
    ),
    "link_refused": _pair(
        "Kênh không nhận một liên kết trong bài.",
        "The channel does not accept a link in this post.",
        _NOT_YET,
        (
            "Hãy kiểm tra các liên kết rồi gửi duyệt lại.",
            "Check the links, then submit it again.",
        ),
    ),
    "media_unreachable": _pair(
        "Chưa lấy được ảnh hoặc video của bài để gửi lên kênh.",
        "A picture or video of this post could not be fetched to be sent.",
        _NOT_YET,
        (
            "Loa sẽ tự thử lại; nếu còn lỗi, nhờ quản trị kiểm tra địa chỉ công khai của Loa.",
            "Loa will try again; if it persists, ask an admin to check Loa's public address.",
        ),
    ),
    "media_changed": _pair(
        "Ảnh hoặc video lấy về không đúng với bản đã duyệt nên không được gửi.",
        "A fetched picture or video is not the approved one, so it was not sent.",
        _NOT_YET,
        (
            "Nhờ quản trị kiểm tra kho ảnh và địa chỉ công khai của Loa.",
            "Ask an admin to check the media store and Loa's public address.",
        ),
    ),
    "reading_broke": _pair(
        "Việc đọc các bài đã có trên kênh gặp lỗi không lường trước.",
        "Reading the posts that were on the channel met with an unforeseen error.",
        (
            "Bài đã đọc vẫn còn trong kho, bài sau chưa được đọc. Trên kênh không có gì thay đổi.",
            "What was read is kept, later posts are not read yet. Nothing changed on the channel.",
        ),
        (
            "Bấm Đọc tiếp để thử lại từ chỗ đang dở. Nếu vẫn lỗi, báo quản trị máy chủ xem nhật ký"
            " của Loa.",
            "Press Read on to try again from where it stood. If it fails again, have the server's"
            " administrator look at Loa's log.",
        ),
    ),
    "account_left": _pair(
        "Kênh đã đóng trước khi thay đổi này được thực hiện.",
        "The account was closed before this change was made.",
        (
            "Loa không gọi kênh này nữa: bài đang hiện trên kênh, nếu có, vẫn ở đó.",
            "Loa calls this account no more: a post that shows there, if any, stays up.",
        ),
        (
            "Nếu cần gỡ, hãy mở bài trên chính kênh đó và gỡ bằng tay; nếu cần đăng, nối lại"
            " nơi đăng này thành kênh mới.",
            "To withdraw, open the post on the channel itself and remove it by hand; to publish,"
            " connect the outlet as a new account.",
        ),
    ),
    "post_missing": _pair(
        "Bài không còn trên kênh.",
        "The post is no longer on the channel.",
        (
            "Người dân không thấy bài này trên kênh.",
            "People do not see this post on the channel.",
        ),
        (
            "Hãy gỡ bài trong Loa rồi đăng lại nếu còn cần.",
            "Withdraw it in Loa, then publish it again if it is still needed.",
        ),
    ),
    "post_unreadable": _pair(
        "Kênh không cho đọc bài này, hoặc bài không còn.",
        "The channel does not let us read this post, or it is gone.",
        _UNKNOWN_YET,
        _READING,
    ),
}

# What a look at a settled post may find; stored as `publication.drift`.
_OF_DRIFT: Final[Mapping[str, Pair]] = {
    "missing": _pair(
        "Bài đã duyệt không còn trên kênh.",
        "The approved post is no longer on the channel.",
        (
            "Người dân không thấy bài này. Loa không tự đăng lại.",
            "People do not see this post. Loa does not post it again by itself.",
        ),
        (
            "Hãy mở kênh để xem, rồi chọn Khôi phục hoặc gỡ bài.",
            "Look at the channel, then choose Repair, or withdraw the item.",
        ),
    ),
    "altered": _pair(
        "Nội dung trên kênh đã bị thay đổi so với bản đã duyệt.",
        "The text on the channel differs from what was approved.",
        _STANDS,
        _REPAIR,
    ),
    "hidden": _pair(
        "Bài đang bị ẩn trên kênh.",
        "The post is hidden on the channel.",
        (
            "Người dân không thấy bài này. Loa không tự sửa trên kênh.",
            "People do not see this post. Loa changes nothing there by itself.",
        ),
        _REPAIR,
    ),
    "surfaced": _pair(
        "Bài mà bạn đã dừng vừa hiện ra trên kênh.",
        "A post that you had stopped has appeared on the channel.",
        (
            "Người dân có thể đang thấy bài này. Loa không tự gỡ khi có người đã quyết định.",
            "People may see it. Loa does not remove it by itself once a person has decided.",
        ),
        (
            "Hãy mở bài trên kênh để xem; nếu không muốn, chọn Gỡ.",
            "Open the post on the channel; if it is not wanted, choose Withdraw.",
        ),
    ),
    "unreadable": _pair(
        "Bài còn trên kênh nhưng Loa không đọc được nội dung.",
        "The post is on the channel, but its text cannot be read.",
        (
            "Chưa biết người dân có thấy đúng bản đã duyệt hay không.",
            "It is not known whether people see what was approved.",
        ),
        (
            "Hãy mở bài trên kênh để xem; nếu sai, chọn Khôi phục.",
            "Open the post on the channel; if it is wrong, choose Repair.",
        ),
    ),
}

TABLE: Final[Mapping[str, Pair]] = MappingProxyType(
    {**_OF_DELIVERY, **_OF_ACCOUNTS, **_OF_CHANNELS, **_OF_DRIFT}
)
