"""Templates to start with: what a communications team of an agency writes again and again."""

from typing import Final

from services.content.item_templates import TemplateForm

READY: Final = (
    TemplateForm(
        name="Thông báo chung",
        kind="news",
        title="Thông báo về {{việc gì}}",
        summary="{{cơ quan}} thông báo {{việc gì}}, từ {{ngày bắt đầu}}.",
        body="""\
{{cơ quan}} thông báo tới bà con về {{việc gì}}.

## Nội dung

- Thời gian: từ {{ngày bắt đầu}} đến {{ngày kết thúc}}.
- Địa điểm: {{địa điểm}}.
- Ai cần biết: {{đối tượng}}.

## Bà con cần làm gì

{{việc cần làm}}

Cần hỏi thêm, xin gọi {{số điện thoại}} trong giờ làm việc.""",
        tags=["thông báo"],
    ),
    TemplateForm(
        name="Lịch tiếp công dân",
        kind="news",
        title="Lịch tiếp công dân tháng {{tháng}}",
        summary="Lãnh đạo {{cơ quan}} tiếp công dân tháng {{tháng}} tại {{địa điểm}}.",
        body="""\
{{cơ quan}} thông báo lịch tiếp công dân tháng {{tháng}}.

- Ngày tiếp: {{các ngày tiếp}}.
- Giờ tiếp: {{giờ tiếp}}.
- Nơi tiếp: {{địa điểm}}.
- Người tiếp: {{người tiếp}}.

Bà con mang theo giấy tờ tuỳ thân và tài liệu liên quan. Đăng ký trước qua số {{số điện thoại}} \
để không phải chờ lâu.""",
        tags=["tiếp công dân"],
    ),
    TemplateForm(
        name="Cảnh báo thiên tai",
        kind="warning",
        title="Cảnh báo {{loại thiên tai}} tại {{khu vực}}",
        summary="{{loại thiên tai}} có thể ảnh hưởng {{khu vực}} từ {{thời gian}}. "
        "Bà con chủ động phòng tránh.",
        body="""\
Theo {{nguồn tin}}, {{loại thiên tai}} có thể ảnh hưởng {{khu vực}} từ {{thời gian}}.

## Bà con cần làm ngay

- Theo dõi tin chính thức, không chia sẻ tin chưa rõ nguồn.
- Chằng chống nhà cửa, đưa đồ đạc và vật nuôi lên nơi cao.
- Không đi qua ngầm, cầu tràn, nơi nước chảy xiết.
- Người ở {{nơi nguy hiểm}} sơ tán đến {{nơi sơ tán}}.

## Số điện thoại khẩn cấp

- Cứu nạn, cứu hộ: 112. Cấp cứu: 115.
- Trực ban {{cơ quan}}: {{số điện thoại}}.""",
        tags=["cảnh báo", "thiên tai"],
    ),
    TemplateForm(
        name="Thông báo tuyển dụng",
        kind="news",
        title="{{cơ quan}} tuyển dụng {{vị trí}}",
        summary="{{cơ quan}} tuyển {{số lượng}} {{vị trí}}. Nhận hồ sơ đến {{hạn nộp}}.",
        body="""\
{{cơ quan}} thông báo tuyển dụng {{số lượng}} {{vị trí}}.

## Điều kiện

{{điều kiện}}

## Hồ sơ

{{thành phần hồ sơ}}

## Nộp hồ sơ

- Hạn nộp: {{hạn nộp}}.
- Nơi nộp: {{địa điểm}}.
- Hỏi thêm: {{số điện thoại}}.

Việc tuyển dụng không thu bất cứ khoản tiền nào ngoài lệ phí theo quy định.""",
        tags=["tuyển dụng"],
    ),
    TemplateForm(
        name="Tạm ngừng cấp điện, nước",
        kind="news",
        title="Tạm ngừng cấp {{điện hoặc nước}} tại {{khu vực}} ngày {{ngày}}",
        summary="Tạm ngừng cấp {{điện hoặc nước}} tại {{khu vực}} từ {{giờ bắt đầu}} đến "
        "{{giờ kết thúc}} ngày {{ngày}} để {{lý do}}.",
        body="""\
{{đơn vị cung cấp}} tạm ngừng cấp {{điện hoặc nước}} để {{lý do}}.

- Thời gian: từ {{giờ bắt đầu}} đến {{giờ kết thúc}} ngày {{ngày}}.
- Khu vực: {{khu vực}}.

Bà con chủ động dự trữ và sắp xếp công việc. Nếu xong sớm, việc cung cấp được nối lại sớm hơn. \
Cần hỏi thêm, xin gọi {{số điện thoại}}.""",
        tags=["điện nước"],
    ),
    TemplateForm(
        name="Bác bỏ tin sai",
        kind="rebuttal",
        title="Tin “{{tin sai}}” là sai sự thật",
        summary="{{cơ quan}} khẳng định thông tin “{{tin sai}}” đang lan truyền là không đúng.",
        body="""\
Những ngày qua trên mạng lan truyền thông tin “{{tin sai}}”. {{cơ quan}} khẳng định thông tin \
này không đúng.

## Sự thật

{{sự thật}}

## Nguồn kiểm chứng

{{nguồn kiểm chứng}}

Bà con không chia sẻ tin chưa kiểm chứng. Khi nghi ngờ, xin gọi {{số điện thoại}}.""",
        tags=["bác bỏ tin sai"],
    ),
)
