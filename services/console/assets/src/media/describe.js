// The small form that asks what a picture, video or file shows: nothing comes into a text without.
import { ask, icon, make, say } from "./common.js";

const TITLES = { image: ["Mô tả ảnh", "Describe the picture"], video: ["Mô tả video", "Describe the video"], document: ["Mô tả tệp", "Describe the file"] };
// What a label in Markdown cannot hold is written differently.
const fitting = ({ alt, caption, decorative = "" }) => ({
  decorative,
  alt: alt.replace(/\[/g, "(").replace(/\]/g, ")").replace(/\\/g, "/").replace(/\s+/g, " ").trim(),
  caption: caption.replace(/\s+/g, " ").trim(),
});

export const kindOf = (file) => file.type.replace(/^application\/.*/, "document").split("/")[0];
export const iconOf = (kind) => ({ image: "image", video: "video" })[kind] || "file-text";

// Gives {alt, caption, decorative}, or null. `file` is what is being described, if it is not in the
// library yet; `bare` tells that the library holds it as decoration, which needs no words.
export async function describe({ kind = "image", file = null, alt = "", caption = "", again = false, bare = false }) {
  const address = file && kind === "image" ? URL.createObjectURL(file) : null;
  const picture = address ? make("img", { class: "asked-picture", src: address, alt: "" }) : file && make("p", { class: "figure-file" }, icon(iconOf(kind)), make("span", {}, file.name));
  const told = await ask({
    title: again ? say("Mô tả và chú thích", "Description and caption") : say(...TITLES[kind]),
    confirm: again ? say("Lưu", "Save") : say("Chèn vào bài", "Insert"),
    picture,
    fields: [
      { name: "alt", label: kind === "image" ? say("Mô tả ảnh", "Image description") : say("Mô tả", "Description"), value: alt, required: !bare,
        missing: say("Cần mô tả cho người không nhìn thấy.", "Describe it for those who cannot see."),
        hint: bare ? say("Ảnh trang trí: có thể để trống.", "Decoration: may stay empty.") : say("Bắt buộc. Ai, đang làm gì, ở đâu: cho người không nhìn thấy.", "Required. Who, doing what, where: for those who cannot see.") },
      ...(file && kind === "image" ? [{ name: "decorative", type: "checkbox", frees: "alt", label: say("Ảnh trang trí", "Decoration"), hint: say("không nói thêm điều gì; chỉ dùng trong bài trên cổng", "says nothing more; for the text on the portal only") }] : []),
      { name: "caption", label: say("Chú thích", "Caption"), value: caption, hint: say("Hiện dưới ảnh, có thể để trống", "Shown below, may stay empty") },
    ],
  });
  if (address) URL.revokeObjectURL(address);
  return told && fitting(told);
}

export const lost = () => say("Không tìm thấy tệp này trong kho. Hãy chèn lại.", "This file is not in the library. Insert it again.");
export const visualHint = () => say("Dán từ Word được. Kéo ảnh vào để chèn. Ctrl+B đậm, Ctrl+K liên kết, Esc lên thanh công cụ.", "Paste from Word. Drop pictures to insert them. Ctrl+B bold, Ctrl+K link, Esc to the toolbar.");
