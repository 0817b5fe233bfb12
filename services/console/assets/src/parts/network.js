// Says when what is on the page may be old: no network, no live stream, a request that got nowhere.
const say = (vi, en) => (document.documentElement.lang === "en" ? en : vi);
const clock = () => new Date().toLocaleTimeString("vi-VN", { hour12: false });

function tell(id, text) {
  const place = document.getElementById("notices");
  if (!place || document.getElementById(id)) return;
  const made = document.createElement("p");
  made.id = id;
  made.className = "banner warn";
  const words = document.createElement("span");
  words.textContent = text;
  made.append(words);
  place.prepend(made);
}
const unsay = (id) => document.getElementById(id)?.remove();
// Two minutes before a session ends for want of requests its reader is told, and may stay.
const { fetch } = window;
let ending = 0;
async function stay() {
  const answer = await window.fetch(`${document.body.dataset.base}/help`);
  if (answer.redirected) location.reload();
}
function alive() {
  clearTimeout(ending);
  unsay("ending");
  const { idle } = document.body.dataset;
  if (!idle) return;
  ending = setTimeout(() => {
    tell("ending", say("Phiên làm việc sắp hết, còn 2 phút.", "The session ends in 2 minutes."));
    const button = document.createElement("button");
    button.className = "button plain small";
    button.textContent = say("Ở lại", "Stay");
    button.onclick = stay;
    document.getElementById("ending")?.append(button);
  }, (idle - 120) * 1000);
}
window.fetch = (...asked) => { alive(); return fetch(...asked); };
addEventListener("DOMContentLoaded", alive);

function away() {
  tell("offline", say("Máy này đang mất mạng. Chữ đã gõ vẫn còn trên trang; gửi được khi có mạng lại.", "This computer is offline. What you typed stays on the page; it can be sent once the network is back."));
}
addEventListener("offline", away);
addEventListener("online", () => unsay("offline"));
if (!navigator.onLine) addEventListener("DOMContentLoaded", away);

// A request of a part that got no answer at all; an answer of any status is drawn by the server.
document.addEventListener("htmx:error", (event) => {
  if (!(event.detail?.error instanceof TypeError) || event.target.closest?.("[data-quiet]")) return;
  window.loa.toast(say("Chưa gửi được: máy chủ chưa trả lời. Hãy thử lại.", "Not sent: the server did not answer. Please try again."));
});

// A stream that comes back within five seconds is nobody's business.
let lost = 0;
let kept = "";
document.addEventListener("htmx:sse:error", () => {
  if (lost) return;
  const seen = clock();
  lost = setTimeout(() => {
    const text = say(`Mất kết nối trực tiếp. Số liệu lúc ${seen}. `, `Live connection lost. Figures of ${seen}. `);
    const told = document.querySelector("[data-live]");
    if (!told) { tell("live-lost", text); return; }
    kept = told.dataset.live === "lost" ? kept : told.textContent;
    told.dataset.live = "lost";
    const again = document.createElement("a");
    again.href = "";
    again.textContent = say("Tải lại", "Reload");
    told.replaceChildren(text, again);
  }, 5000);
});
document.addEventListener("htmx:sse:after:connection", () => {
  clearTimeout(lost);
  lost = 0;
  unsay("live-lost");
  const told = document.querySelector('[data-live="lost"]');
  if (told) { told.dataset.live = "on"; told.textContent = kept; }
});
