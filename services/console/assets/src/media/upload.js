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

// A large file goes in pieces: what has arrived stays for a day, so a cut line costs one piece only.
const PIECE = 2 * 1024 * 1024;
const PAUSES = [1000, 3000, 8000];
export const inPieces = (file) => file.size > PIECE;
// One's own name for a file: the same file chosen again, even after a reload, goes on where it was.
function keyOf(file) {
  let [a, b] = [0x9e3779b9, 0x85ebca6b];
  for (const sign of file.name) {
    a = Math.imul(a ^ sign.codePointAt(0), 2654435761);
    b = Math.imul(b ^ sign.codePointAt(0), 1597334677);
  }
  return [a >>> 0, b >>> 0, file.size, file.lastModified || 0].map((n) => n.toString(36)).join("");
}
const shelf = (file) => `loa:upload:${keyOf(file)}`;
// The words that were typed for a file whose upload was cut off.
export function kept(file) {
  try { return sessionStorage.getItem(shelf(file)) || ""; } catch { return ""; }
}
function keep(file, words) {
  try { if (words) sessionStorage.setItem(shelf(file), words); else sessionStorage.removeItem(shelf(file)); } catch { /* then they are typed again */ }
}

// Gives {done, cancel}: `done` becomes the kept media, or fails with an Error whose message is for people.
export function upload(file, fields, csrf, progress = () => {}) {
  let request = null, cancelled = false, hurry = () => {};
  const fault = (text, more = {}) => Object.assign(new Error(text), { again: true, ...more });
  const stopped = () => fault(`${say("Đã thôi tải lên.", "Upload cancelled.")} ${inPieces(file) ? say("Phần đã gửi được giữ một ngày.", "What was sent is kept for a day.") : ""}`.trim(), { cancelled: true });
  const call = (path, body, moved) => new Promise((resolve, reject) => {
    if (cancelled) { reject(stopped()); return; }
    request = new XMLHttpRequest();
    request.upload.onprogress = (event) => { if (event.lengthComputable) moved?.(event.loaded, event.total); };
    request.onload = () => {
      let told = null;
      try { told = JSON.parse(request.responseText); } catch { /* a page instead: told below */ }
      if (told && request.status < 300) resolve(told);
      else if (request.status === 401) reject(fault(say("Phiên làm việc đã kết thúc. Hãy lưu bài rồi đăng nhập lại.", "Your session has ended. Save your text, then sign in again.")));
      else if (request.status === 413) reject(fault(say("Tệp quá lớn.", "The file is too large."), { again: false }));
      else reject(fault(told?.told || say("Chưa tải lên được. Hãy thử lại sau ít phút.", "The upload did not work. Try again in a few minutes."), { again: request.status >= 500, lost: request.status >= 500 }));
    };
    request.onerror = () => reject(fault(`${say("Mất kết nối khi đang tải lên.", "The connection was lost during the upload.")} ${inPieces(file) ? say("Phần đã gửi vẫn còn.", "What was sent is kept.") : say("Hãy thử lại.", "Try again.")}`, { lost: true }));
    request.onabort = () => reject(stopped());
    request.open(body ? "POST" : "GET", `${base()}${path}`);
    request.setRequestHeader("Accept", "application/json");
    request.send(body);
  });
  // A line that is cut for a moment is waited for; what comes back may be sent twice, it is kept once.
  const steady = async (work) => {
    for (const pause of PAUSES) {
      try { return await work(); } catch (error) { if (!error.lost) throw error; }
      await new Promise((resolve) => { hurry = resolve; setTimeout(resolve, pause); addEventListener("online", resolve, { once: true }); });
    }
    return work();
  };
  const form = (given) => {
    const body = new FormData();
    for (const [name, value] of Object.entries({ csrf, ...given })) body.set(name, value);
    return body;
  };
  const name = file.name || `anh.${{ "image/png": "png", "image/webp": "webp" }[file.type] || "jpg"}`;
  const run = async () => {
    if (!inPieces(file)) {
      const body = form(fields);
      body.set("file", file, name);
      return call("/media", body, progress);
    }
    keep(file, fields.alt);
    const key = keyOf(file), path = `/media/pieces/${key}`;
    let { size: at } = await steady(() => call(path));
    while (at < file.size) {
      const from = at;
      progress(from, file.size);
      const body = form({ offset: from });
      body.set("piece", file.slice(from, from + PIECE), "piece");
      at = (await steady(() => call(path, body, (loaded) => progress(Math.min(file.size - 1, from + loaded), file.size)))).size;
    }
    progress(file.size, file.size);
    const media = await call("/media", form({ ...fields, pieces: key, filename: name }));
    keep(file, "");
    return media;
  };
  return { done: run(), cancel: () => { cancelled = true; request?.abort(); hurry(); } };
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
