// Sends a file to the library, telling how far it is; the answer is what the library keeps of it.
import { base, say } from "./common.js";

export const PICTURES = ["image/jpeg", "image/png", "image/webp"];
export const TAKEN = [...PICTURES, "video/mp4", "application/pdf"];
const MOST = { image: 20, video: 50, application: 20 };

// Why a file cannot be taken, said before anything is sent; "" if it may be tried.
export function refusal(file, kinds = TAKEN) {
  if (!kinds.includes(file.type)) {
    return kinds === PICTURES ? say("Chỉ nhận ảnh JPEG, PNG hoặc WebP.", "Only JPEG, PNG or WebP pictures.") : say("Chỉ nhận ảnh JPEG, PNG, WebP, video MP4 và tệp PDF.", "Only JPEG, PNG, WebP, MP4 and PDF files.");
  }
  const most = MOST[file.type.split("/")[0]];
  return file.size > most * 1024 * 1024 ? say(`Tệp lớn hơn ${most} MB. Hãy giảm dung lượng rồi thử lại.`, `The file is larger than ${most} MB. Make it smaller and try again.`) : "";
}

// Gives {done, cancel}: `done` becomes the kept media, or fails with an Error whose message is for people.
export function upload(file, fields, csrf, progress = () => {}) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    const fail = (text, again = true) => reject(Object.assign(new Error(text), { again }));
    request.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded, event.total); };
    request.onload = () => {
      let told = null;
      try { told = JSON.parse(request.responseText); } catch { /* a page instead: told below */ }
      if (request.status === 201 && told?.id) resolve(told);
      else if (request.status === 401) fail(say("Phiên làm việc đã kết thúc. Hãy lưu bài rồi đăng nhập lại.", "Your session has ended. Save your text, then sign in again."));
      else if (request.status === 413) fail(say("Tệp quá lớn.", "The file is too large."), false);
      else fail(told?.told || say("Chưa tải lên được. Hãy thử lại sau ít phút.", "The upload did not work. Try again in a few minutes."), request.status >= 500 || request.status === 0);
    };
    request.onerror = () => fail(say("Mất kết nối khi đang tải lên. Hãy thử lại.", "The connection was lost during the upload. Try again."));
    request.onabort = () => reject(Object.assign(new Error(say("Đã thôi tải lên.", "Upload cancelled.")), { cancelled: true, again: true }));
    const body = new FormData();
    body.set("csrf", csrf);
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    body.set("file", file, file.name || `anh.${{ "image/png": "png", "image/webp": "webp" }[file.type] || "jpg"}`);
    request.open("POST", `${base()}/media`);
    request.setRequestHeader("Accept", "application/json");
    request.send(body);
  });
  return { done, cancel: () => request.abort() };
}

// What the library keeps under these ids: asked for together, once each.
const known = new Map();
let waiting = null;
export function facts(id) {
  if (!known.has(id)) known.set(id, ask(id));
  return known.get(id);
}
export const remember = (media) => known.set(media.id, Promise.resolve(media));
async function ask(id) {
  waiting ||= { ids: [], answer: Promise.resolve().then(async () => {
    const query = waiting.ids.map((one) => `id=${encodeURIComponent(one)}`).join("&");
    waiting = null;
    try {
      const answer = await fetch(`${base()}/media/known?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return null;
      return new Map((await answer.json()).media.map((one) => [one.id, one]));
    } catch { return null; }
  }) };
  waiting.ids.push(id);
  const found = await waiting.answer;
  if (found === null) known.delete(id);
  return found?.get(id) ?? null;
}
