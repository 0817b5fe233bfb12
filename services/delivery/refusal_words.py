"""The words of refusals: code → (Vietnamese, English); what happened, its effect, what to do next.

For codes that the rooms raise; a door keeps the words of its own. Wording: console-ux.md section 7.
Placeholders are the values that the error carries.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

Pair: TypeAlias = tuple[str, str]

UNKNOWN: Final[Pair] = (
    "Loa không làm việc này (mã {code}). Chưa có gì thay đổi. Hãy tải lại trang rồi thử lại; "
    "nếu còn lỗi, hãy báo mã này cho quản trị.",
    "Loa did not do this (code {code}). Nothing has changed. Reload the page and try again; if it "
    "persists, tell an admin this code.",
)

_OF_ITEMS: Final[Mapping[str, Pair]] = {
    "item_not_found": (
        "Không có tin này, hoặc tin không thuộc đơn vị của bạn. Hãy kiểm tra lại liên kết.",
        "There is no such item, or it is not your unit's. Check the link.",
    ),
    "revision_not_found": (
        "Tin này không có bản số đó. Hãy chọn một bản trong danh sách.",
        "This item has no revision of that number. Choose one from the list.",
    ),
    "template_not_found": (
        "Không có mẫu này, hoặc mẫu không thuộc đơn vị của bạn. Hãy chọn trong danh sách mẫu.",
        "There is no such template, or it is not your unit's. Choose one from the list.",
    ),
    "source_not_found": (
        "Không có nguồn tin này, hoặc nguồn không thuộc đơn vị của bạn. Hãy chọn trong danh sách "
        "nguồn tin.",
        "There is no such source, or it is not your unit's. Choose one from the list.",
    ),
    "entry_not_found": (
        "Không có tin này trong các nguồn của đơn vị bạn. Hãy mở lại danh sách tin của nguồn.",
        "There is no such entry in your unit's sources. Open the list of the source again.",
    ),
    "source_exists": (
        "Đơn vị đã có nguồn tin với địa chỉ này, nên không thêm lần nữa. Hãy mở nguồn đó trong "
        "danh sách.",
        "Your unit has a source with this address already, so it was not added again. Open that "
        "one from the list.",
    ),
    "source_status": (
        "Trang trả lời mã {status} nên chưa đọc được gì. Hãy kiểm tra địa chỉ, rồi thử lại.",
        "The site answers with status {status}, so nothing was read. Check the address, then try.",
    ),
    "source_not_moved": (
        "Trang nguồn chưa báo chuyển địa chỉ đủ một ngày, nên địa chỉ giữ nguyên. Hãy đợi thêm.",
        "The site has not said for a whole day that it moved, so the address stays. Wait a little.",
    ),
    "source_just_read": (
        "Nguồn này vừa được đọc cách đây vài giây, nên chưa đọc lại. Hãy đợi một lát.",
        "This source was read a few seconds ago, so it was not read again. Wait a moment.",
    ),
    "entry_taken": (
        "Tin này đã được dùng (đã tạo bản nháp, hoặc là tin của chính cơ quan), nên không bỏ qua "
        "được. Hãy mở bản nháp đó.",
        "This entry has been used (a draft was made, or it is our own), so it cannot be put aside. "
        "Open that draft.",
    ),
    "entry_ours": (
        "Đây là tin của chính cơ quan, đã đăng từ Loa, nên không tạo bản nháp lần nữa. Hãy mở bài "
        "gốc.",
        "This is an item of our own, published from Loa, so no draft was made of it. Open the "
        "original.",
    ),
    "entry_unchanged": (
        "Bản nháp đã có đủ những gì nguồn viết, nên không có gì để lấy thêm.",
        "The draft has all that the source wrote already, so nothing was taken.",
    ),
    "entry_not_legacy": (
        "Chữ của tin này không phải bảng mã cũ, nên không chuyển gì.",
        "The words of this entry are in no old encoding, so nothing was converted.",
    ),
    "link_not_found": (
        "Tin này không có liên kết xem thử đó. Hãy tải lại trang để xem các liên kết đang có.",
        "This item has no such preview link. Reload the page to see the links that there are.",
    ),
    "views_many": (
        "Liên kết này vừa nhận nhiều trả lời nên chưa nhận thêm. Hãy thử lại sau một giờ, hoặc "
        "nhắn thẳng cho người đã gửi.",
        "This link has just been answered many times, so yours was not taken. Try again in an "
        "hour, or write to whoever sent it.",
    ),
    "stale_version": (
        "Có người vừa sửa tin này, nên thay đổi của bạn chưa được lưu. Hãy đọc bản mới rồi sửa.",
        "Somebody has just changed this item, so yours was not saved. Read it again, then go on.",
    ),
    "item_exists": (
        "Tin này đã được tạo rồi nên không tạo thêm. Hãy mở tin đó trong danh sách bài viết.",
        "This item has been made already, so no other was made. Open it from the list of posts.",
    ),
    "draft_open": (
        "Tin này đã có một bản nháp đang mở, nên không mở thêm. Hãy sửa tiếp bản nháp đó.",
        "This item already has an open draft, so no other was opened. Go on with that one.",
    ),
    "not_a_draft": (
        "Bản này không còn là bản nháp ({state}), nên chưa gửi được. Hãy tải lại trang để xem "
        "bản mới nhất.",
        "This revision is no longer a draft ({state}), so it was not submitted. Reload the page.",
    ),
    "not_in_review": (
        "Bản này không ở trạng thái chờ duyệt ({state}), nên chưa có gì thay đổi. Hãy tải lại "
        "trang để xem bản mới nhất.",
        "This revision is not in review ({state}), so nothing was changed. Reload the page.",
    ),
    "already_approved": (
        "Bản này đã được duyệt rồi; bạn không cần làm gì thêm.",
        "This revision has been approved already; there is nothing more to do.",
    ),
    "already_expired": (
        "Hạn cuối của bài đã qua nên chưa duyệt được. Hãy trả lại để người soạn đặt hạn mới.",
        "The last useful time has passed, so it was not approved. Send it back for a new one.",
    ),
    "content_changed": (
        "Nội dung đã khác với những gì bạn vừa xem, nên chưa được duyệt. Hãy xem lại rồi duyệt.",
        "The content differs from what you have just seen, so it was not approved. Look again.",
    ),
    "four_eyes": (
        "Bạn đã góp tay vào bài này nên không thể tự duyệt; bài vẫn chờ duyệt. Hãy nhờ một người "
        "khác.",
        "You had a hand in this text, so you cannot approve it; it stays in review. Ask another.",
    ),
    "blocking_problems": (
        "Có {count} điểm khiến kênh không nhận được bài, nên chưa gửi duyệt. Xem từng điểm bên "
        "dưới rồi sửa.",
        "{count} points keep the channels from taking it, so it was not submitted. See each below.",
    ),
    "submission_incomplete": (
        "Còn thiếu hoặc chưa hợp lệ nên chưa gửi duyệt. Xem từng mục bên dưới.",
        "Something is missing or does not fit, so it was not submitted. See each field below.",
    ),
    "reason_missing": (
        "Cần nêu lý do, nên chưa có gì thay đổi. Hãy viết một câu để mọi người cùng hiểu.",
        "A reason is needed, so nothing was changed. Write a sentence for the others.",
    ),
    "invalid": (
        "Có mục chưa nhận được nên chưa lưu. Xem từng mục bên dưới.",
        "Some fields cannot be accepted, so nothing was saved. See each below.",
    ),
    "scheduled": (
        "Bản này đã duyệt và đang chờ đăng; một chương trình không được sửa. Hãy để một người dừng "
        "hoặc sửa trong Loa.",
        "This revision is approved and waits; a program may not change it. A person must do so.",
    ),
    "nothing_to_stop": (
        "Không có bản nào đang chờ đăng, nên không có gì để dừng. Nếu bài đã hiện, hãy dùng Gỡ.",
        "No approved revision waits, so there is nothing to stop. If it shows, withdraw it.",
    ),
    "already_started": (
        "Việc gửi có thể đã bắt đầu nên không dừng được nữa. Hãy dùng Gỡ để thu hồi khỏi các kênh.",
        "Sending may have begun, so it cannot be stopped. Withdraw it from the channels instead.",
    ),
    "nothing_published": (
        "Tin này chưa được đăng ở đâu, nên không có gì để gỡ. Bạn không cần làm gì.",
        "This item was published nowhere, so there is nothing to withdraw.",
    ),
    "conflict": (
        "Tình trạng vừa thay đổi nên chưa làm được. Hãy tải lại trang rồi thử lại.",
        "Things have just changed, so it was not done. Reload the page and try again.",
    ),
    "page_not_found": (
        "Không có trang nào ở địa chỉ này. Có thể liên kết đã cũ hoặc gõ thiếu.",
        "There is no page at this address. The link may be old, or a part of it is missing.",
    ),
    "assets_missing": (
        "Giao diện chưa được dựng trên máy này. Hãy chạy: make assets",
        "The pages were never built here. Run: make assets",
    ),
    "csrf": (
        "Yêu cầu thiếu mã bảo vệ của phiên. Hãy tải lại trang rồi làm lại.",
        "The request lacks the session's protection code. Reload the page and try again.",
    ),
    "origin": (
        "Yêu cầu đến từ một trang khác nên không được nhận. Hãy mở Loa rồi làm lại.",
        "The request comes from another site and was not accepted. Open Loa and try again.",
    ),
    "too_large": (
        "Nội dung gửi lên quá lớn.",
        "What was sent is too large.",
    ),
    "body_unreadable": (
        "Không đọc được nội dung gửi lên.",
        "What was sent cannot be read.",
    ),
    "invalid_request": (
        "Có mục chưa nhận được. Xem từng mục bên dưới.",
        "Some fields cannot be accepted. See each of them below.",
    ),
    "forbidden": (
        "Bạn không có quyền làm việc này; chưa có gì thay đổi. Hãy nhờ quản trị nếu cần.",
        "You may not do this; nothing has changed. Ask an admin if you need to.",
    ),
    "not_found": (
        "Không tìm thấy mục này, hoặc mục không thuộc đơn vị của bạn. Hãy kiểm tra lại liên kết.",
        "There is no such thing, or it is not your unit's. Check the link.",
    ),
    "error": (
        "Loa gặp lỗi ngoài dự tính nên việc này có thể chưa xong. Hãy tải lại trang rồi xem lại; "
        "nếu còn lỗi, hãy báo quản trị.",
        "Loa met an unexpected error, so this may not be done. Reload and look; if it persists, "
        "tell an admin.",
    ),
    "cursor_unknown": (
        "Vị trí trong danh sách không hợp lệ, nên không đọc tiếp được. Hãy mở lại từ trang đầu.",
        "That place in the list is not one of ours. Start again from the first page.",
    ),
}

_OF_PUBLICATIONS: Final[Mapping[str, Pair]] = {
    "publication_not_found": (
        "Không có lượt đăng này, hoặc không thuộc đơn vị của bạn. Hãy mở lại từ trang của tin.",
        "There is no such publication, or it is not your unit's. Open it from the item's page.",
    ),
    "not_failed": (
        "Lượt đăng này không ở trạng thái lỗi ({state}), nên không cần thử lại. Hãy tải lại trang.",
        "This publication has not failed ({state}), so there is nothing to retry. Reload the page.",
    ),
    "not_waiting": (
        "Lượt đăng này không còn chờ thử lại ({state}), nên không có gì thay đổi. Hãy xem trạng "
        "thái mới trên trang.",
        "This publication no longer waits to be tried again ({state}), so nothing was changed. "
        "Look at its new state.",
    ),
    "already_settled": (
        "Lượt đăng này đã xong ({state}), nên không cần báo nữa. Hãy xem kết quả trên trang.",
        "This publication has come to its end ({state}), so there is nothing to tell later. "
        "Look at the outcome.",
    ),
    "approval_needed": (
        "Phê duyệt của bản này không còn hiệu lực, nên chưa gửi. Hãy duyệt lại tin trước.",
        "The approval of this revision no longer holds, so nothing was sent. Approve it again.",
    ),
    "not_undecided": (
        "Lượt đăng này không còn chờ quyết định ({state}); chưa có gì thay đổi. Hãy tải lại trang.",
        "This publication no longer waits for a decision ({state}). Reload the page.",
    ),
    "changed_meanwhile": (
        "Có người vừa đổi điều tin này cần hiện, nên quyết định của bạn chưa được ghi. Hãy xem lại "
        "rồi quyết định.",
        "Somebody has just changed what should show, so your decision was not taken. Look again.",
    ),
    "nothing_to_repair": (
        "Kênh không có sai lệch nào đang chờ, nên không có gì để khôi phục. Hãy tải lại trang.",
        "The channel shows nothing that waits for a repair. Reload the page.",
    ),
    "post_id_missing": (
        "Chưa rõ là bài nào trên kênh, nên quyết định chưa được ghi. Hãy chọn một bài hoặc nhập "
        "đúng mã bài.",
        "It is not clear which post is meant, so nothing was decided. Choose one or enter its id.",
    ),
    "post_unreadable": (
        "Loa không đọc được bài này trên kênh, nên chưa thể nhận là bài của tin. Hãy kiểm tra mã "
        "bài, hoặc thử lại sau.",
        "Loa cannot read this post on the channel, so it was not taken as ours. Check its id, or "
        "try again later.",
    ),
    "post_taken": (
        "Bài này trên kênh là của một tin khác, nên không nhận được. Hãy chọn bài khác.",
        "This post belongs to another publication, so it was not taken. Choose another one.",
    ),
    "until_past": (
        "Giờ kết thúc đã qua, nên chưa tạm giữ. Hãy chọn một giờ sau lúc này, hoặc để trống.",
        "That end has passed, so nothing is held. Choose a later one, or leave it open.",
    ),
}

_OF_ACCOUNTS: Final[Mapping[str, Pair]] = {
    "account_not_found": (
        "Không có kênh này, hoặc kênh không thuộc đơn vị của bạn. Hãy chọn trong danh sách kênh.",
        "There is no such account, or it is not your unit's. Choose one from the list.",
    ),
    "account_closed": (
        "Kênh này đã đóng, nên chưa có gì thay đổi. Hãy chọn kênh khác, hoặc nối kênh mới.",
        "This account is closed, so nothing was changed. Choose another, or connect a new one.",
    ),
    "account_not_readable": (
        "Loại kênh này không cho đọc lại bài đã đăng, nên không có gì để đưa vào kho. Hãy chọn "
        "một kênh khác.",
        "This kind of channel does not let posts be read back, so there is nothing to bring in. "
        "Choose another channel.",
    ),
    "account_taken": (
        "Nơi đăng này ({remote_id}) đã được nối trong Loa, có thể ở đơn vị khác, nên không nối "
        "thêm. Hãy nhờ quản trị cấp trên.",
        "This outlet ({remote_id}) is connected already, perhaps by another unit, so it was not "
        "connected again. Ask the admin above you.",
    ),
    "account_name_taken": (
        "Đã có kênh tên {account}, nên chưa lưu. Hãy đặt tên khác.",
        "There is an account named {account}, so nothing was saved. Choose another name.",
    ),
    "account_invalid": (
        "Thông tin kênh chưa hợp lệ, nên chưa lưu. Xem từng mục bên dưới.",
        "The account's details cannot be accepted, so nothing was saved. See each field below.",
    ),
    "settings_invalid": (
        "Cài đặt của kênh chưa hợp lệ, nên chưa lưu. Xem từng mục bên dưới.",
        "The account's settings cannot be accepted, so nothing was saved. See each field below.",
    ),
    "credentials_invalid": (
        "Thông tin kết nối của kênh chưa hợp lệ, nên chưa lưu. Xem từng mục bên dưới.",
        "The account's credentials cannot be accepted, so nothing was saved. See each below.",
    ),
    "account_connected": (
        "Kênh này đã nối xong, nên không sửa ở đây được; chưa có gì thay đổi. Hãy sửa ở trang của "
        "kênh.",
        "This account is connected already, so nothing was changed here. Use the account's page.",
    ),
    "setting_invalid": (
        "Cài đặt chưa hợp lệ, nên chưa lưu. Xem từng mục bên dưới.",
        "The setting cannot be accepted, so nothing was saved. See each field below.",
    ),
    "top_unit_needed": (
        "Cài đặt này áp dụng cho mọi đơn vị, nên chỉ quản trị ở đơn vị cấp trên cùng được đổi; "
        "chưa có gì thay đổi. Hãy nhờ người quản trị đó.",
        "This holds for every unit, so only an admin of the unit at the top may change it; nothing "
        "was changed. Ask that admin.",
    ),
    "account_renewing": (
        "Loa đang làm mới quyền của kênh này, nên chưa đổi được. Hãy thử lại sau một phút.",
        "Loa is renewing this account's rights, so nothing was changed. Try again in a minute.",
    ),
    "outlet_fixed": (
        "Kênh gắn với một nơi đăng và không đổi sang nơi khác được; chưa có gì thay đổi. Hãy nối "
        "một kênh mới.",
        "An account keeps its outlet; nothing was changed. Connect a new account instead.",
    ),
    "channel_not_found": (
        "Không có loại kênh {channel}. Hãy chọn một loại trong danh sách.",
        "There is no kind of channel named {channel}. Choose one from the list.",
    ),
    "channel_broken": (
        "Phần kết nối {channel} chưa khởi động được ({reason}), nên chưa làm được. Hãy nhờ quản "
        "trị xem trang sức khoẻ hệ thống.",
        "The adapter {channel} could not be started ({reason}), so nothing was done. Ask an admin "
        "to read the health page.",
    ),
    "channel_claimed_twice": (
        "Hai phần kết nối cùng nhận tên {channel} ({first}, {second}), nên Loa không khởi động. "
        "Hãy gỡ bớt một phần.",
        "Two adapters claim the name {channel} ({first}, {second}), so Loa does not start. Remove "
        "one of them.",
    ),
    "no_consent_page": (
        "Loại kênh {channel} không nối qua trang đồng ý. Hãy nhập thông tin kết nối trong cài đặt "
        "kênh.",
        "Channels of kind {channel} are not connected by a consent page. Enter the credentials.",
    ),
    "consent_unknown": (
        "Lần nối kênh này đã hết hạn hoặc đã dùng, nên kênh chưa được nối. Hãy bắt đầu lại từ "
        "trang kênh.",
        "This consent has ended or was used, so the account was not connected. Start again.",
    ),
    "seal_broken": (
        "Không mở được thông tin bí mật của kênh, nên chưa gọi gì. Hãy nhập lại thông tin kết nối.",
        "The account's secrets cannot be opened, so nothing was called. Enter them again.",
    ),
    "seal_key_unknown": (
        "Thông tin bí mật được khoá bằng khoá {key_id} mà Loa không có, nên chưa gọi gì. Hãy đặt "
        "lại khoá cũ ở LOA_SECRET_KEY_PREVIOUS.",
        "The secrets were sealed with key {key_id}, which Loa does not have, so nothing was "
        "called. Provide it as LOA_SECRET_KEY_PREVIOUS.",
    ),
}

_OF_MEDIA: Final[Mapping[str, Pair]] = {
    "media_not_found": (
        "Không có tệp này, hoặc tệp không thuộc đơn vị của bạn. Hãy chọn lại trong kho.",
        "There is no such file, or it is not your unit's. Choose again from the library.",
    ),
    "alt_missing": (
        "Ảnh cần có mô tả, nên chưa lưu. Hãy viết một câu cho người không xem được ảnh.",
        "The picture needs a description, so it was not saved. Write one for who cannot see it.",
    ),
    "media_type": (
        "Loại tệp này không dùng được, nên chưa lưu. Hãy chọn ảnh JPEG, PNG, WebP, video MP4 hoặc "
        "PDF.",
        "This type of file cannot be used, so it was not saved. Choose a picture, MP4 or PDF.",
    ),
    "media_type_mismatch": (
        "Nội dung tệp không đúng với loại đã khai, nên chưa lưu. Hãy xuất lại tệp rồi tải lên.",
        "The file is not what it says it is, so it was not saved. Export it anew and try again.",
    ),
    "media_too_large": (
        "Tệp quá lớn, nên chưa lưu. Hãy giảm dung lượng rồi tải lên lại.",
        "The file is too large, so it was not saved. Make it smaller and try again.",
    ),
    "video_unreadable": (
        "Không đọc được video này, nên chưa lưu. Hãy xuất lại thành MP4 rồi tải lên.",
        "The video cannot be read, so it was not saved. Export it as MP4 and try again.",
    ),
    "document_unreadable": (
        "Không đọc được tệp PDF này, nên chưa lưu. Hãy xuất lại rồi tải lên.",
        "The PDF cannot be read, so it was not saved. Export it anew and try again.",
    ),
    "document_lively": (
        "Tệp PDF có mã lệnh hoặc tệp đính kèm, nên chưa lưu. Hãy in lại thành PDF thường.",
        "The PDF holds scripts or attachments, so it was not saved. Print it to a plain PDF.",
    ),
    "picture_too_large": (
        "Ảnh quá lớn để xử lý, nên chưa lưu. Hãy thu nhỏ ảnh rồi tải lên lại.",
        "The picture is too large to work on, so it was not saved. Make it smaller and try again.",
    ),
    "picture_too_many_frames": (
        "Ảnh động có quá nhiều khung hình, nên chưa lưu. Hãy dùng ảnh tĩnh hoặc video.",
        "The picture has too many frames, so it was not saved. Use a still one, or a video.",
    ),
    "picture_unreadable": (
        "Không đọc được ảnh này, nên chưa lưu. Hãy lưu lại thành JPEG hoặc PNG rồi tải lên.",
        "The picture cannot be read, so it was not saved. Save it as JPEG or PNG and try again.",
    ),
}

_OF_PEOPLE: Final[Mapping[str, Pair]] = {
    "person_needed": (
        "Việc này phải do một người đăng nhập làm, chương trình không làm thay được; chưa có gì "
        "thay đổi. Hãy làm trong Loa.",
        "Only a person who has signed in may do this, no program; nothing has changed.",
    ),
    "role_needed": (
        "Việc này cần vai trò: {roles}; chưa có gì thay đổi. Hãy nhờ người có vai trò đó, hoặc "
        "nhờ quản trị cấp quyền.",
        "This needs a role: {roles}; nothing has changed. Ask somebody who has it, or an admin.",
    ),
    "scope_needed": (
        "Mã chương trình này thiếu quyền {scopes}; chưa có gì thay đổi. Hãy tạo mã mới có quyền "
        "đó.",
        "This token lacks the scope {scopes}; nothing has changed. Make one that has it.",
    ),
    "sign_in_failed": (
        "Email hoặc mật khẩu chưa đúng, nên bạn chưa đăng nhập. Hãy thử lại, hoặc nhờ quản trị đặt "
        "lại mật khẩu.",
        "The email or password is not right, so you are not signed in. Try again, or ask an admin.",
    ),
    "sign_in_limited": (
        "Có quá nhiều lần thử, nên tạm thời chưa đăng nhập được. Hãy đợi {seconds} giây rồi thử "
        "lại.",
        "Too many tries, so signing in has to wait. Try again in {seconds} seconds.",
    ),
    "otp_needed": (
        "Cần mã một lần từ ứng dụng xác thực để đăng nhập. Hãy nhập mã sáu số đang hiện.",
        "Signing in needs the one-time code of your authenticator. Enter the six digits it shows.",
    ),
    "otp_wrong": (
        "Mã một lần chưa đúng hoặc đã hết hạn, nên chưa có gì thay đổi. Hãy nhập mã đang hiện.",
        "The one-time code is not right or has passed, so nothing was changed. Enter the new one.",
    ),
    "otp_on": (
        "Xác thực hai bước đang bật, nên chưa đổi gì. Hãy tắt bằng một mã hiện có rồi bật lại trên "
        "máy mới.",
        "The second step is on already, so nothing was changed. Switch it off with a code first.",
    ),
    "otp_off": (
        "Xác thực hai bước đang tắt, nên không có gì để đổi. Hãy tải lại trang.",
        "The second step is off, so there is nothing to change. Reload the page.",
    ),
    "otp_not_begun": (
        "Mã để quét đã quá một giờ hoặc chưa được tạo, nên chưa bật. Hãy bắt đầu lại.",
        "The code to scan is over an hour old or was never made, so nothing is on. Begin again.",
    ),
    "tries_limited": (
        "Có quá nhiều lần thử sai, nên chưa có gì thay đổi. Hãy đợi {seconds} giây rồi thử lại.",
        "Too many wrong tries, so nothing was changed. Try again in {seconds} seconds.",
    ),
    "password_wrong": (
        "Mật khẩu hiện tại chưa đúng, nên chưa đổi. Hãy nhập lại mật khẩu bạn đang dùng.",
        "The present password is not right, so nothing was changed. Enter the one you use now.",
    ),
    "own_account": (
        "Việc này không làm được với chính tài khoản của bạn; chưa có gì thay đổi. Hãy dùng trang "
        "Tài khoản của tôi, hoặc nhờ một quản trị khác.",
        "This cannot be done to your own account; nothing has changed. Use the page of your own "
        "account, or ask another admin.",
    ),
    "session_not_found": (
        "Không có phiên đăng nhập này, hoặc phiên không thuộc đơn vị của bạn. Hãy tải lại trang.",
        "There is no such session, or it is not your unit's. Reload the page.",
    ),
    "staff_inactive": (
        "Người này đang ngừng hoạt động, nên chưa mời lại. Hãy mở lại tài khoản trước.",
        "This person is suspended, so no link was made. Let them in again first.",
    ),
    "preference_invalid": (
        "Lựa chọn này không dùng được, nên chưa lưu. Hãy chọn lại trong danh sách.",
        "This choice cannot be used, so it was not saved. Choose again from the list.",
    ),
    "password_length": (
        "Mật khẩu ngắn hoặc dài quá mức, nên chưa lưu. Hãy chọn mật khẩu khác.",
        "The password is too short or too long, so it was not saved. Choose another one.",
    ),
    "staff_not_found": (
        "Không có người này trong Loa. Hãy kiểm tra lại email.",
        "There is no such person in Loa. Check the email.",
    ),
    "staff_exists": (
        "Đã có người dùng email này, nên không thêm nữa. Hãy dùng email khác.",
        "There is a person with this email, so none was added. Use another email.",
    ),
    "staff_invalid": (
        "Thông tin người dùng chưa hợp lệ, nên chưa lưu. Xem từng mục bên dưới.",
        "The person's details cannot be accepted, so nothing was saved. See each field below.",
    ),
    "last_admin": (
        "Đây là quản trị cuối cùng, nên chưa có gì thay đổi. Hãy giao vai trò quản trị cho người "
        "khác trước.",
        "This is the last admin, so nothing was changed. Give the role to somebody else first.",
    ),
    "invitation_over": (
        "Liên kết này đã dùng hoặc đã hết hạn, nên chưa mở được. Hãy xin một liên kết mới.",
        "This link was used or has ended, so it does not open. Ask for a new one.",
    ),
    "token_not_found": (
        "Không có mã chương trình này. Hãy chọn trong danh sách.",
        "There is no such token. Choose one from the list.",
    ),
    "token_invalid": (
        "Thông tin mã chương trình chưa hợp lệ, nên chưa tạo. Xem từng mục bên dưới.",
        "The token's details cannot be accepted, so none was made. See each field below.",
    ),
    "unit_not_found": (
        "Không có đơn vị {unit}. Hãy kiểm tra lại mã đơn vị.",
        "There is no unit {unit}. Check its code.",
    ),
    "unit_exists": (
        "Đã có đơn vị {unit}, nên không thêm nữa. Hãy dùng mã khác.",
        "There is a unit {unit}, so none was added. Use another code.",
    ),
    "unit_invalid": (
        "Thông tin đơn vị chưa hợp lệ, nên chưa lưu. Xem từng mục bên dưới.",
        "The unit's details cannot be accepted, so nothing was saved. See each field below.",
    ),
}

_OF_FETCHING: Final[Mapping[str, Pair]] = {
    "address_unreadable": (
        "Không đọc được địa chỉ này, nên chưa hỏi gì. Hãy chép lại địa chỉ từ thanh địa chỉ của "
        "trình duyệt.",
        "The address cannot be read, so nothing was asked. Copy it from the browser's address bar.",
    ),
    "address_scheme": (
        "Địa chỉ phải bắt đầu bằng https:// và không được chuyển về http://, nên chưa lấy gì. Hãy "
        "dùng địa chỉ https của trang.",
        "The address must begin with https:// and may not lead back to http://, so nothing was "
        "fetched. Use the site's https address.",
    ),
    "address_port": (
        "Địa chỉ dùng một cổng không được phép, nên chưa hỏi gì. Hãy dùng địa chỉ công khai không "
        "ghi cổng.",
        "The address uses a port that is not allowed, so nothing was asked. Use the public address "
        "without a port.",
    ),
    "address_credentials": (
        "Địa chỉ có tên hoặc mật khẩu đi kèm, nên chưa hỏi gì. Hãy bỏ phần đứng trước dấu @.",
        "The address carries a name or a password, so nothing was asked. Leave out what stands "
        "before the @.",
    ),
    "address_host": (
        "Tên máy trong địa chỉ không phải là tên miền công khai, nên chưa hỏi gì. Hãy dùng tên "
        "miền đầy đủ, ví dụ donvi.gov.vn.",
        "The host is no public name, so nothing was asked. Use the whole domain, as donvi.gov.vn.",
    ),
    "address_internal": (
        "Địa chỉ này dẫn vào mạng nội bộ hoặc nơi không được phép, nên chưa lấy gì. Hãy dùng địa "
        "chỉ công khai, hoặc nhờ người vận hành cho phép.",
        "The address leads to an inner or forbidden network, so nothing was fetched. Use a public "
        "address, or ask the operator to allow this one.",
    ),
    "fetch_unreachable": (
        "Không kết nối được với trang này, nên chưa lấy gì. Hãy kiểm tra lại địa chỉ, rồi thử lại "
        "sau.",
        "The site cannot be reached, so nothing was fetched. Check the address, then try later.",
    ),
    "fetch_tls": (
        "Chứng thư bảo mật của trang không hợp lệ hoặc hết hạn, nên chưa lấy gì. Hãy báo cho nơi "
        "quản lý trang đó.",
        "The site's certificate is not valid or has expired, so nothing was fetched. Tell whoever "
        "runs that site.",
    ),
    "fetch_slow": (
        "Trang trả lời quá chậm, nên chưa lấy gì. Hãy thử lại sau.",
        "The site answered too slowly, so nothing was fetched. Try again later.",
    ),
    "fetch_held": (
        "Địa chỉ này đang được hỏi quá nhiều, nên chưa gửi gì. Loa tự thử lại sau {seconds} giây.",
        "This address is being asked too much, so nothing was sent. Loa tries again in {seconds} "
        "seconds.",
    ),
    "fetch_too_large": (
        "Trang gửi về nhiều dữ liệu hơn mức cho phép, nên chưa lấy gì. Hãy chọn một địa chỉ nguồn "
        "tin nhỏ hơn.",
        "The site sent more than is allowed, so nothing was kept. Choose a smaller feed.",
    ),
    "fetch_broken": (
        "Trang trả lời không đúng quy cách, nên chưa lấy gì. Hãy thử lại sau, hoặc báo cho nơi "
        "quản lý trang đó.",
        "The site's answer was broken, so nothing was fetched. Try later, or tell whoever runs it.",
    ),
    "fetch_redirects": (
        "Trang chuyển hướng quá nhiều lần, nên chưa lấy gì. Hãy dùng địa chỉ cuối cùng mà trình "
        "duyệt hiện ra.",
        "The site redirects too often, so nothing was fetched. Use the address at which the "
        "browser ends.",
    ),
    "fetch_kind": (
        "Trang trả lời một loại nội dung khác với loại cần lấy, nên chưa lấy gì. Hãy kiểm tra lại "
        "địa chỉ.",
        "The site answered with another type of content, so nothing was kept. Check the address.",
    ),
    "feed_empty": (
        "Địa chỉ này trả về một tài liệu trống, nên chưa lấy gì. Hãy thử lại sau, hoặc kiểm tra "
        "lại địa chỉ.",
        "The address gave an empty document, so nothing was taken. Try later, or check it.",
    ),
    "feed_unreadable": (
        "Nội dung ở địa chỉ này không phải là nguồn tin RSS, Atom hay JSON Feed, nên chưa lấy gì. "
        "Hãy tìm mục RSS trên trang đó.",
        "What stands there is no RSS, Atom or JSON feed, so nothing was taken. Look for the site's "
        "RSS page.",
    ),
    "feed_dangerous": (
        "Nguồn tin có khai báo DOCTYPE hoặc ENTITY, có thể gây hại, nên Loa không đọc. Hãy báo cho "
        "nơi quản lý trang đó.",
        "The feed declares a DOCTYPE or entities, which can do harm, so it was not read. Tell "
        "whoever runs that site.",
    ),
    "feed_too_heavy": (
        "Nguồn tin quá nặng hoặc quá rối để đọc an toàn, nên chưa lấy gì. Hãy chọn một nguồn tin "
        "nhỏ hơn.",
        "The feed is too heavy or too tangled to be read safely, so nothing was taken. Choose a "
        "smaller one.",
    ),
}

_OF_WEBSUB: Final[Mapping[str, Pair]] = {
    "websub_mode": (
        "Yêu cầu cần hub.mode là subscribe, unsubscribe hoặc publish, nên chưa nhận. Hãy gửi lại.",
        "The field hub.mode must be subscribe, unsubscribe or publish, so nothing was taken. Send "
        "it again.",
    ),
    "websub_field_twice": (
        "Yêu cầu có hai giá trị {field} khác nhau, nên chưa nhận. Hãy gửi một giá trị.",
        "The request gives two different values of {field}, so nothing was taken. Send one.",
    ),
    "websub_topic_missing": (
        "Yêu cầu thiếu hub.topic, nên chưa nhận. Hãy gửi địa chỉ nguồn tin.",
        "The field hub.topic is missing, so nothing was taken. Send the address of a feed.",
    ),
    "websub_topic": (
        "Ở đây không có nguồn tin nào đúng địa chỉ này, nên chưa nhận. Hãy chép đúng địa chỉ "
        "rel=self trong nguồn tin.",
        "No feed here has exactly this address, so nothing was taken. Copy the rel=self address "
        "of the feed.",
    ),
    "websub_callback": (
        "Địa chỉ hub.callback thiếu, dài quá {most} ký tự hoặc có dấu #, nên chưa nhận. Hãy gửi "
        "một địa chỉ khác.",
        "The field hub.callback is missing, longer than {most} characters or has a #, so nothing "
        "was taken. Send another address.",
    ),
    "websub_lease": (
        "Số giây hub.lease_seconds phải là số nguyên, nên chưa nhận. Hãy gửi lại hoặc bỏ trống.",
        "The field hub.lease_seconds must be a whole number, so nothing was taken. Correct it or "
        "omit it.",
    ),
    "websub_secret": (
        "Khoá hub.secret dài quá {most} byte, nên chưa nhận. Hãy chọn khoá ngắn hơn.",
        "The field hub.secret is longer than {most} bytes, so nothing was taken. Choose a shorter "
        "one.",
    ),
    "websub_asked_often": (
        "Máy chủ này vừa được đăng ký quá nhiều lần, nên chưa nhận thêm. Hãy thử lại sau một giờ.",
        "This host was asked for too often, so nothing was taken. Try again in an hour.",
    ),
    "websub_busy": (
        "Đang có nhiều đăng ký chờ kiểm tra, nên chưa nhận thêm. Hãy thử lại sau vài phút.",
        "Many requests are waiting for their check, so no more was taken. Try again in a while.",
    ),
    "websub_full": (
        "Số nơi đăng ký đã tới mức tối đa, nên chưa nhận thêm. Hãy đọc nguồn tin theo giờ.",
        "There are as many subscriptions as can be, so no more was taken. Poll the feed instead.",
    ),
    "websub_host_full": (
        "Máy chủ này đã có {most} đăng ký, nên chưa nhận thêm. Hãy bỏ bớt đăng ký cũ.",
        "This host has {most} subscriptions already, so no more was taken. End some of them first.",
    ),
    "websub_subscription_not_found": (
        "Không có nơi đăng ký này, hoặc đã thôi gửi. Hãy tải lại trang.",
        "There is no such subscription, or it has ended. Reload the page.",
    ),
}

TABLE: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        **_OF_ITEMS,
        **_OF_PUBLICATIONS,
        **_OF_ACCOUNTS,
        **_OF_MEDIA,
        **_OF_PEOPLE,
        **_OF_FETCHING,
        **_OF_WEBSUB,
    }
)
