// The looks follow the writing: the paragraph that is being written comes into sight in each of them.
// Found by its letters, not by its number: a channel may put other things before and between.
const BLOCKS = "p, h2, h3, h4, li, blockquote, figcaption";
const bare = (text) => text.replace(/[\s\u00a0]+/g, "").toLowerCase();
const unmarked = (line) => line.replace(/^\s*(#{2,4}|[-*>]|\d+\.)\s+/, "").replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*\\]/g, "");

// What is being written: its letters, and how far down the text it stands (0 to 1); null elsewhere.
function written(form) {
  const field = document.activeElement;
  if (!field) return null;
  if (field.closest?.(".editor-text")) {
    const at = document.getSelection()?.anchorNode;
    const block = (at?.nodeType === 1 ? at : at?.parentElement)?.closest(BLOCKS);
    if (!block) return null;
    const all = [...field.querySelectorAll(BLOCKS)];
    return { letters: bare(block.textContent), share: all.indexOf(block) / Math.max(1, all.length - 1) };
  }
  if (field.form !== form || field.tagName !== "TEXTAREA") return null;
  if (field.name === "title" || field.name === "summary") return { letters: "", share: 0 };
  const { value, selectionStart: caret } = field;
  const from = value.lastIndexOf("\n", caret - 1) + 1, to = value.indexOf("\n", caret);
  return { letters: bare(unmarked(value.slice(from, to < 0 ? undefined : to))), share: caret / Math.max(1, value.length) };
}

// Where these letters stand in the look, as a range; of several places the one nearest to the share.
function place(look, { letters, share }) {
  const walker = document.createTreeWalker(look, NodeFilter.SHOW_TEXT);
  const spots = [];
  let text = "";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    [...node.data].forEach((sign) => { const kept = bare(sign); if (kept) { for (let n = 0; n < kept.length; n += 1) spots.push(node); text += kept; } });
  }
  for (const length of [letters.length, 60, 24, 12]) {
    const wanted = letters.slice(0, length);
    if (length > letters.length || !wanted) continue;
    let best = -1;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      if (best < 0 || Math.abs(at / text.length - share) < Math.abs(best / text.length - share)) best = at;
    }
    if (best >= 0) return spots[best];
  }
  return null;
}

function bring(look, what) {
  if (!look.clientHeight || look.scrollHeight <= look.clientHeight + 1) return;
  let top = 0;
  if (what.letters) {
    const node = place(look, what);
    const range = document.createRange();
    if (!node) return;
    range.selectNodeContents(node);
    const spot = range.getClientRects()[0];
    if (!spot) return; // folded away
    const box = look.getBoundingClientRect();
    if (spot.top >= box.top && spot.bottom <= box.bottom) return;
    // A look that is drawn smaller measures itself by its own scale.
    top = look.scrollTop + (spot.top - box.top) / (box.height / look.offsetHeight || 1) - look.clientHeight / 3;
  } else if (what.share > 0) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || document.documentElement.dataset.motion === "off";
  look.scrollTo({ top, behavior: calm ? "auto" : "smooth" });
}

// Gives a function that follows at once: for looks that have just been drawn anew or come into sight.
export function following(form) {
  let last = null, since = 0, timer = 0;
  const follow = (asked = false) => {
    last = written(form) || last;
    // Whoever has stopped writing may look around: nothing is moved under them.
    if (!last || (!asked && Date.now() - since > 4000)) return;
    for (const look of document.querySelectorAll(".looks :is(.phone-page, .portal-page, .fb)")) bring(look, last);
  };
  document.addEventListener("selectionchange", () => { clearTimeout(timer); if (written(form)) { since = Date.now(); timer = setTimeout(follow, 120); } });
  return follow;
}
