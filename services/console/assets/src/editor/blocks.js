// Reads the body's small Markdown into blocks, exactly as services/content/body.py does: paragraphs,
// headings, lists, quotes and figures. What the server would leave out (a picture nobody knows, an
// address of a refused scheme) is kept here, so that opening a text in the editor loses nothing.
// Rules: CommonMark 0.31, sections 4 to 6, without code, HTML, tables, autolinks and definitions.
import { inline } from "./inline.js";

const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\u{e0000}-\u{e007f}]/gu;
const QUOTE = /^>/;
const HEADING = /^(#{1,6})(?:[ \t]+(.*))?$/;
const RULE = /^([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const BULLET = /^([-*+])(?=[ \t]|$)/;
const NUMBER = /^(\d{1,9})([.)])(?=[ \t]|$)/;
const LAZY = -1;

export const clean = (text) =>
  text.replace(/\p{Cs}/gu, "").replace(/\r\n?/g, "\n").normalize("NFC").replace(FORBIDDEN, "");

// A line is what stands in it and the column at which that begins.
function line(text, from = 0) {
  let column = from;
  let at = 0;
  for (; at < text.length; at += 1) {
    if (text[at] === "\t") column += 4 - (column % 4);
    else if (text[at] === " ") column += 1;
    else break;
  }
  return { column: column - from, text: text.slice(at) };
}

const blank = (lines, at) => at >= lines.length || lines[at].text === "";

function marker(text) {
  const number = NUMBER.exec(text);
  if (number) return { ordered: true, value: Number(number[1]), sign: number[2], length: number[0].length };
  const bullet = BULLET.exec(text);
  return bullet && { ordered: false, sign: bullet[1], length: 1 };
}

class Reader {
  constructor(lines, depth = 0) { this.lines = lines; this.indent = 0; this.listIndent = -1; this.depth = depth; }

  // Whether a list may begin in this line; in the middle of a paragraph only a clear one may.
  list(at, inParagraph) {
    const { column, text } = this.lines[at];
    if (this.listIndent >= 0 && column - this.listIndent >= 4 && column < this.indent) return null;
    const found = marker(text);
    if (!found) return null;
    const ending = inParagraph && column >= this.indent;
    if (ending && ((found.ordered && found.value !== 1) || !text.slice(found.length).trim())) return null;
    return found;
  }

  breaks(at, inParagraph) {
    const { text } = this.lines[at];
    return QUOTE.test(text) || RULE.test(text) || HEADING.test(text) || this.list(at, inParagraph);
  }

  read(at, blocks) {
    for (;;) {
      while (at < this.lines.length && blank(this.lines, at)) at += 1;
      if (at >= this.lines.length || this.lines[at].column < this.indent) return at;
      const { text } = this.lines[at];
      const heading = HEADING.exec(text);
      if (this.depth >= 100) return this.lines.length;
      if (QUOTE.test(text)) at = this.quote(at, blocks);
      else if (RULE.test(text)) at += 1;
      else if (this.list(at, false)) at = this.listing(at, blocks);
      else if (heading) {
        const told = (heading[2] || "").replace(/[ \t]+$/, "").replace(/(^|[ \t])#+$/, "$1").trim();
        inline(told, Math.min(Math.max(heading[1].length, 2), 4), blocks);
        at += 1;
      } else at = this.paragraph(at, blocks);
    }
  }

  paragraph(at, blocks) {
    let next = at + 1;
    for (; !blank(this.lines, next); next += 1) {
      const { column } = this.lines[next];
      if (column - this.indent > 3 || column < 0) continue;
      if (this.breaks(next, true)) break;
    }
    inline(this.lines.slice(at, next).map((one) => one.text).join("\n").trim(), 0, blocks);
    return next;
  }

  quote(at, blocks) {
    const inner = [];
    let next = at;
    for (let empty = false; next < this.lines.length && !blank(this.lines, next); next += 1) {
      const { column, text } = this.lines[next];
      if (text[0] === ">" && (next === at || column >= this.indent)) {
        const told = line(text.slice(1), column + 1);
        const wide = told.column > 0 && (text[1] === " " || text[1] === "\t");
        inner.push({ column: told.column - (wide ? 1 : 0), text: told.text });
        empty = told.text === "";
      } else if (empty || this.breaks(next, false)) break;
      else inner.push({ column: LAZY, text });
    }
    const found = [];
    const used = new Reader(inner, this.depth + 1).read(0, found);
    if (found.length) blocks.push({ type: "blockquote", blocks: found });
    return at + used;
  }

  listing(at, blocks) {
    const first = this.list(at, false);
    const entries = [];
    let next = at;
    let mark = first;
    for (;;) {
      const whole = this.lines[next];
      const begins = whole.column + mark.length;
      const told = line(whole.text.slice(mark.length), begins);
      const gap = told.text === "" || told.column > 4 ? 1 : told.column;
      const outer = [this.indent, this.listIndent, this.depth];
      [this.indent, this.listIndent, this.depth] = [begins + gap, this.indent, this.depth + 2];
      this.lines[next] = { column: begins + told.column, text: told.text };
      const entry = [];
      const start = next;
      if (told.text === "" && blank(this.lines, next + 1)) next = Math.min(next + 2, this.lines.length);
      else next = this.read(next, entry);
      [this.indent, this.listIndent, this.depth] = outer;
      this.lines[start] = whole;
      if (entry.length) entries.push(entry);
      if (next >= this.lines.length || this.lines[next].column < this.indent) break;
      const { text } = this.lines[next];
      if (QUOTE.test(text) || RULE.test(text)) break;
      mark = marker(text);
      if (!mark || mark.sign !== first.sign) break;
    }
    if (entries.length) blocks.push({ type: "list", ordered: first.ordered, start: first.ordered ? first.value : 1, entries });
    return next;
  }
}

// The text as blocks: {type, …} with `blocks`, `entries` or `runs`; see body.py for what each holds.
export function read(text) {
  const blocks = [];
  const lines = clean(text).split("\n").map((one) => line(one));
  new Reader(lines).read(0, blocks);
  return blocks;
}
