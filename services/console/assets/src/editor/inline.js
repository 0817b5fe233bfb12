// Reads the words of one paragraph or heading: emphasis, links, line breaks, and figures, which
// always stand as blocks of their own. Rules: CommonMark 0.31, section 6; see blocks.js.
const ESCAPED = /[!-/:-@[-`{-~]/;
const SPACE = /[\p{Zs}\t\n\v\f\r]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ENTITY = /^&(?:#(?:x([0-9a-f]{1,6})|(\d{1,7}))|([a-z][a-z0-9]{1,31}));/i;
// White space as Python's `str.strip` and `\s` know it.
export const BLANKS = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
const DEEPEST = 6;

export const oneLine = (text) => trimmed(text.replace(BLANKS, " "));
const START = new RegExp(`^${BLANKS.source}`);
const END = new RegExp(`${BLANKS.source}$`);
export const trimmedStart = (text) => text.replace(START, "");
export const trimmedEnd = (text) => text.replace(END, "");
const trimmed = (text) => trimmedEnd(trimmedStart(text));

// Only what may be published is an address: see body.py `address`.
export const sound = (told) => /^(?:https?:\/\/[^\s/?#]|mailto:|tel:)\S*$/i.test(told || "");

let parser;
function named(entity) {
  parser ||= new DOMParser();
  const told = parser.parseFromString(`x${entity}`, "text/html").body.textContent.slice(1);
  // Browsers also know some names without their semicolon, as the beginning of others.
  return told === entity || (told.endsWith(";") && told !== ";") ? null : told;
}
const allowed = (n) =>
  !((n >= 0xd800 && n <= 0xdfff) || (n >= 0xfdd0 && n <= 0xfdef) || (n & 0xfffe) === 0xfffe || n <= 8 || n === 0xb ||
    (n >= 0xe && n <= 0x1f) || (n >= 0x7f && n <= 0x9f) || n > 0x10ffff);
// What an entity at this place stands for, and its length; null when it is just an ampersand.
function entity(text, at) {
  const found = text[at] === "&" && ENTITY.exec(text.slice(at, at + 40));
  if (!found) return null;
  const code = found[1] ? parseInt(found[1], 16) : found[2] ? Number(found[2]) : null;
  const told = code === null ? named(found[0]) : allowed(code) ? String.fromCodePoint(code) : "\ufffd";
  return told === null ? null : [told, found[0].length];
}
function plain(text) {
  let told = "";
  for (let at = 0; at < text.length; ) {
    const found = entity(text, at);
    if (found) { told += found[0]; at += found[1]; }
    else if (text[at] === "\\" && ESCAPED.test(text[at + 1] || "")) { told += text[at + 1]; at += 2; }
    else told += text[at++];
  }
  return told;
}

const gap = (text, at, end) => { while (at < end && " \t\n".includes(text[at])) at += 1; return at; };

function destination(text, from, end) {
  let at = from;
  if (text[at] === "<") {
    for (at += 1; at < end; at += 1) {
      if (text[at] === "\n" || text[at] === "<") return null;
      if (text[at] === ">") return [plain(text.slice(from + 1, at)), at + 1];
      if (text[at] === "\\" && at + 1 < end) at += 1;
    }
    return null;
  }
  let depth = 0;
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (text[at] === "\\" && at + 1 < end && text[at + 1] !== " ") { at += 1; continue; }
    if (code <= 0x20 || code === 0x7f) break;
    if (text[at] === "(" && ++depth > 32) return null;
    if (text[at] === ")" && depth-- === 0) { depth = 0; break; }
  }
  return at === from || depth > 0 ? null : [plain(text.slice(from, at)), at];
}

function caption(text, from, end) {
  const close = { '"': '"', "'": "'", "(": ")" }[text[from]];
  if (!close || from >= end) return null;
  for (let at = from + 1; at < end; at += 1) {
    if (text[at] === close) return [plain(text.slice(from + 1, at)), at + 1];
    if (text[at] === "(" && close === ")") return null;
    if (text[at] === "\\" && at + 1 < end) at += 1;
  }
  return null;
}

// What stands behind a label: `(address "title")`.
function target(text, from, end) {
  if (text[from] !== "(" || from >= end) return null;
  let at = gap(text, from + 1, end);
  if (at >= end) return null;
  let href = "";
  let title = "";
  const found = destination(text, at, end);
  if (found) {
    [href, at] = found;
    const before = at;
    at = gap(text, at, end);
    const told = at < end && before !== at ? caption(text, at, end) : null;
    if (told) { [title, at] = told; at = gap(text, at, end); }
  }
  return at < end && text[at] === ")" ? { href, title, next: at + 1 } : null;
}

class Scanner {
  constructor(text) { this.text = text; this.known = new Map(); this.level = 0; this.linked = 0; }

  // Where the bracket closes that opens at `from`; -1 for nowhere, or if a link stands inside one.
  label(from, end, nested) {
    let depth = 1;
    let at = from + 1;
    while (at < end) {
      if (this.text[at] === "]" && --depth === 0) return at;
      const before = at;
      at = this.skip(at, end);
      if (this.text[before] !== "[") continue;
      if (before === at - 1) depth += 1;
      else if (!nested) return -1;
    }
    return -1;
  }

  skip(at, end) {
    const known = this.known.get(at);
    if (known !== undefined) return known;
    let next = at + 1;
    if (this.level >= DEEPEST) next = end;
    else {
      this.level += 1;
      next = this.jump(at, end);
      this.level -= 1;
    }
    this.known.set(at, next);
    return next;
  }

  jump(at, end) {
    const text = this.text;
    if (text[at] === "\n") return gap(text, at + 1, end) > at + 1 ? this.lineStart(at + 1, end) : at + 1;
    if (text[at] === "\\") return this.escape(at, end)?.next ?? at + 1;
    if (text[at] === "[") return this.link(at, end)?.next ?? at + 1;
    if (text[at] === "!" && text[at + 1] === "[") return this.image(at, end)?.next ?? at + 1;
    if (text[at] === "&") { const found = entity(text.slice(0, end), at); return found ? at + found[1] : at + 1; }
    if ("*_]".includes(text[at])) return at + 1;
    let next = at + 1;
    while (next < end && !"\n\\[!&*_]".includes(text[next])) next += 1;
    return next;
  }

  lineStart(at, end) { while (at < end && " \t".includes(this.text[at])) at += 1; return at; }

  escape(at, end) {
    if (at + 1 >= end) return null;
    const sign = this.text[at + 1];
    if (sign === "\n") return { broken: true, next: this.lineStart(at + 2, end) };
    const whole = String.fromCodePoint(this.text.codePointAt(at + 1));
    return { told: ESCAPED.test(sign) ? sign : `\\${whole}`, next: at + 1 + whole.length };
  }

  link(at, end) {
    const close = this.label(at, end, false);
    const found = close < 0 ? null : target(this.text, close + 1, end);
    return found && { ...found, from: at + 1, to: close };
  }

  image(at, end) {
    const close = this.label(at + 1, end, true);
    const found = close < 0 ? null : target(this.text, close + 1, end);
    return found && { ...found, alt: this.text.slice(at + 2, close) };
  }

  delimiter(at, end) {
    const text = this.text;
    const sign = text[at];
    let next = at;
    while (next < end && text[next] === sign) next += 1;
    const before = at > 0 ? [...text.slice(Math.max(0, at - 2), at)].pop() : " ";
    const after = next < end ? String.fromCodePoint(text.codePointAt(next)) : " ";
    const [pointedBefore, pointedAfter] = [PUNCTUATION.test(before), PUNCTUATION.test(after)];
    const [spacedBefore, spacedAfter] = [SPACE.test(before), SPACE.test(after)];
    const left = !spacedAfter && (!pointedAfter || spacedBefore || pointedBefore);
    const right = !spacedBefore && (!pointedBefore || spacedAfter || pointedAfter);
    return {
      sign, next, length: next - at, left: next - at, opens: [], closes: [],
      open: left && (sign === "*" || !right || pointedBefore),
      close: right && (sign === "*" || !left || pointedAfter),
    };
  }

  // The pieces of a stretch, in order: strings, breaks, links, images, delimiters.
  pieces(at, end) {
    const found = [];
    let told = "";
    const keep = (piece) => { if (told) found.push(told); told = ""; if (piece) found.push(piece); };
    while (at < end) {
      const sign = this.text[at];
      if (sign === "\n") {
        const hard = told.endsWith("  ");
        told = told.replace(hard ? / +$/ : / $/, "");
        keep(hard ? { hard } : { soft: true });
        at = this.lineStart(at + 1, end);
        continue;
      }
      if (sign === "\\") {
        const escaped = this.escape(at, end);
        if (escaped) { keep(escaped.broken ? { hard: true } : { text: escaped.told }); at = escaped.next; continue; }
      } else if (sign === "*" || sign === "_") {
        const piece = this.delimiter(at, end);
        keep(piece);
        at = piece.next;
        continue;
      } else if (sign === "&") {
        const decoded = entity(this.text.slice(0, end), at);
        if (decoded) { keep({ text: decoded[0] }); at += decoded[1]; continue; }
      } else if (sign === "[" || (sign === "!" && this.text[at + 1] === "[" && at + 1 < end)) {
        const piece = sign === "[" ? this.link(at, end) : this.image(at, end);
        if (piece) {
          if (sign === "[") {
            this.level += 1;
            piece.pieces = this.pieces(piece.from, piece.to);
            this.level -= 1;
          }
          keep(piece);
          at = piece.next;
          continue;
        }
      }
      told += sign;
      at += 1;
    }
    keep();
    pair(found.filter((one) => one.sign));
    return found;
  }
}

// Finds which delimiters belong together (CommonMark, "process emphasis").
function pair(runs) {
  for (let at = 0; at < runs.length; at += 1) {
    const closer = runs[at];
    while (closer.close && closer.left > 0) {
      let from = at - 1;
      for (; from >= 0; from -= 1) {
        const one = runs[from];
        if (!one.open || one.dead || one.left === 0 || one.sign !== closer.sign) continue;
        const odd = (one.close || closer.open) && (one.length + closer.length) % 3 === 0 && (one.length % 3 || closer.length % 3);
        if (!odd) break;
      }
      if (from < 0) break;
      const opener = runs[from];
      for (let between = from + 1; between < at; between += 1) runs[between].dead = true;
      const width = opener.left >= 2 && closer.left >= 2 ? 2 : 1;
      opener.left -= width;
      closer.left -= width;
      opener.opens.unshift(width);
      closer.closes.push(width);
    }
  }
}

// Adds to `blocks` what a stretch of text holds: paragraphs (or headings of `level`) and figures.
export function inline(text, level, blocks) {
  const scanner = new Scanner(text);
  const look = { strong: 0, em: 0, href: null };
  let runs = [];
  let linkedFrom = 0;
  const add = (told) => { if (told) runs.push({ text: told, strong: look.strong > 0, em: look.em > 0, href: look.href }); };
  const close = () => {
    const told = joined(runs);
    if (told.length) blocks.push(level ? { type: "heading", level, runs: told } : { type: "paragraph", runs: told });
    runs = [];
  };
  const turn = (widths, step) => widths.forEach((width) => { look[width === 2 ? "strong" : "em"] += step; });
  const walk = (pieces) => {
    for (const piece of pieces) {
      if (typeof piece === "string") add(piece);
      else if (piece.text !== undefined) add(piece.text);
      else if (piece.hard) add("\n");
      else if (piece.soft) add(" ");
      else if (piece.sign) {
        turn(piece.closes, -1);
        add(piece.sign.repeat(piece.left));
        turn(piece.opens, 1);
      } else if (piece.alt !== undefined) {
        close();
        linkedFrom = 0;
        blocks.push({ type: "figure", src: piece.href, alt: oneLine(piece.alt), caption: oneLine(piece.title) });
      } else {
        look.href = piece.href;
        linkedFrom = runs.length;
        walk(piece.pieces);
        if (sound(piece.href) && runs.length === linkedFrom) add(piece.href);
        look.href = null;
      }
    }
  };
  walk(scanner.pieces(0, text.length));
  close();
}

export const same = (one, other) => one.strong === other.strong && one.em === other.em && one.href === other.href;

// Neighbours of one look joined, without white space at either end.
export function joined(runs) {
  const told = [];
  for (const run of runs) {
    const last = told[told.length - 1];
    if (!run.text) continue;
    if (last && same(last, run)) last.text += run.text;
    else told.push({ ...run });
  }
  while (told.length && !trimmedStart(told[0].text)) told.shift();
  while (told.length && !trimmedStart(told[told.length - 1].text)) told.pop();
  if (told.length) {
    told[0].text = trimmedStart(told[0].text);
    told[told.length - 1].text = trimmedEnd(told[told.length - 1].text);
  }
  return told;
}
