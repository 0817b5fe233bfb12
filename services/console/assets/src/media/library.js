// The screens of the library: many files at once, each with its own words and its own progress; and
// the point of a picture that every crop keeps, by mouse, touch or the fields beside it.
import { carried } from "./carried.js";
import { icon, make, say } from "./common.js";
import { inPieces, kept, refusal, upload } from "./upload.js";

const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1e6).toFixed(1).replace(".", say(",", "."))} MB`);

function row(file, csrf, done) {
  const kind = file.type.split("/")[0];
  const id = `up-${Math.random().toString(36).slice(2)}`;
  const address = kind === "image" ? URL.createObjectURL(file) : null;
  const words = make("input", { id, name: "alt", maxlength: 1000, autocomplete: "off", required: true, "aria-describedby": `${id}-told` });
  const bare = make("input", { type: "checkbox", name: "decorative", value: "1" });
  const told = make("p", { id: `${id}-told`, class: "hint", role: "status" }, say("Viết mô tả rồi bấm Tải lên.", "Describe it, then press Upload."));
  const bar = make("progress", { max: 1, value: 0, hidden: true, "aria-label": say(`Đã tải lên ${file.name}`, `${file.name} uploaded`) });
  const acts = make("div", { class: "row" });
  const dom = make("li", { class: "upload-row" },
    address ? make("img", { src: address, alt: "", width: 88, height: 66 }) : make("span", { class: "upload-sign" }, icon(kind === "video" ? "video" : "file-text", 28)),
    make("div", { class: "grow stack tight" }, make("p", { class: "upload-name" }, make("strong", {}, file.name), " ", make("small", {}, size(file.size))),
      make("div", { class: "field" }, make("label", { for: id }, kind === "image" ? say("Mô tả ảnh", "Image description") : say("Mô tả", "Description")), words),
      kind === "image" && make("label", { class: "check" }, bare, make("span", {}, say("Ảnh trang trí, không cần mô tả", "Decoration, needs no description"))), bar, told), acts);
  words.value = kept(file);
  const act = (label, handle, look = "plain") => make("button", { type: "button", class: `button small ${look}`, onclick: handle }, label);
  const away = () => { if (address) URL.revokeObjectURL(address); dom.remove(); };
  const tell = (text, wrong = false) => { told.textContent = text; told.className = wrong ? "error" : "hint"; dom.classList.toggle("wrong", wrong); };
  // Whoever works by keys keeps their place when a button makes way for another.
  const offer = (...buttons) => {
    const here = acts.contains(document.activeElement) || (words.readOnly && document.activeElement === words);
    acts.replaceChildren(...buttons);
    if (here) buttons[0].focus();
  };
  const ready = (label) => offer(act(label, send, "primary"), act(say("Bỏ", "Discard"), away, "ghost"));
  async function send() {
    if (!words.value.trim() && !bare.checked) {
      tell(say("Cần mô tả cho người không nhìn thấy.", "Describe it for those who cannot see."), true);
      words.setAttribute("aria-invalid", "true");
      words.focus();
      return;
    }
    if (words.readOnly) return;
    words.removeAttribute("aria-invalid");
    words.readOnly = true;
    bar.hidden = false;
    tell(say("Đang tải lên…", "Uploading…"));
    const sending = upload(file, { alt: words.value, decorative: bare.checked ? "1" : "" }, csrf, (loaded, total) => {
      bar.max = total;
      bar.value = loaded;
      tell(loaded < total ? `${size(loaded)} / ${size(total)}` : say("Đang kiểm tra tệp…", "Checking the file…"));
    });
    offer(act(say("Thôi", "Cancel"), sending.cancel));
    try {
      const media = await sending.done;
      bar.hidden = true;
      tell(say("Đã vào kho.", "In the library."));
      dom.classList.add("done");
      offer(make("a", { class: "button plain small", href: media.page }, say("Mở", "Open")));
      done();
    } catch (error) {
      bar.hidden = true;
      tell(error.message, !error.cancelled);
      ready(inPieces(file) && (error.cancelled || error.again) ? say("Tiếp tục", "Go on") : error.cancelled ? say("Tải lên", "Upload") : say("Thử lại", "Try again"));
      words.readOnly = false;
    }
  }
  words.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); send(); } });
  const refused = refusal(file);
  if (refused) { tell(refused, true); words.closest(".field").remove(); acts.replaceChildren(act(say("Bỏ", "Discard"), away, "ghost")); }
  else {
    ready(say("Tải lên", "Upload"));
    if (words.value) tell(say("Lần trước tải dở. Bấm Tải lên để đi tiếp từ chỗ đã dừng.", "This was cut off before. Press Upload to go on where it stopped."));
  }
  return { dom, words, refused };
}

function wakeUploads(form) {
  const csrf = form.elements.csrf.value;
  const list = make("ul", { class: "uploads", "aria-label": say("Tệp đang tải lên", "Files on their way") });
  const field = form.querySelector('[type="file"]');
  const simple = form.querySelector("[data-simple]");
  const renew = () => document.querySelector("#media-search")?.requestSubmit();
  const take = (files) => {
    const rows = [...files].map((file) => row(file, csrf, renew));
    list.append(...rows.map((one) => one.dom));
    rows.find((one) => !one.refused)?.words.focus();
  };
  simple.hidden = true;
  field.multiple = true;
  field.removeAttribute("required");
  field.addEventListener("change", () => { take(field.files); field.value = ""; });
  form.after(list);
  carried((over) => form.classList.toggle("over", over), take);
  window.addEventListener("paste", (event) => { if (event.clipboardData?.files.length) take(event.clipboardData.files); });
}

function wakeFocal(stage) {
  const form = stage.closest("form");
  const [across, down] = [form.elements.focal_x, form.elements.focal_y];
  const point = make("span", { class: "focal-point", "aria-hidden": "true" });
  stage.append(point);
  const draw = () => {
    const [x, y] = [across, down].map((one) => Math.min(100, Math.max(0, Math.round(Number(one.value) || 0))));
    // Styles set by script are no styles in the page: the policy stays as strict as it is.
    point.style.left = `${x}%`;
    point.style.top = `${y}%`;
    for (const crop of form.querySelectorAll(".crop img")) crop.style.objectPosition = `${x}% ${y}%`;
  };
  const set = (event) => {
    const box = stage.querySelector("img").getBoundingClientRect();
    across.value = Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 100);
    down.value = Math.round(Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)) * 100);
    draw();
  };
  stage.addEventListener("pointerdown", (event) => { event.preventDefault(); stage.setPointerCapture(event.pointerId); set(event); });
  stage.addEventListener("pointermove", (event) => { if (stage.hasPointerCapture(event.pointerId)) set(event); });
  form.addEventListener("input", draw);
  draw();
}

export function wakeLibrary() {
  for (const form of document.querySelectorAll("form[data-uploads]:not([data-woken])")) { form.dataset.woken = "1"; wakeUploads(form); }
  for (const stage of document.querySelectorAll("[data-focal]:not([data-woken])")) { stage.dataset.woken = "1"; wakeFocal(stage); }
}
