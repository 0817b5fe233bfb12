// Writes what stands in the editor as the body's Markdown, with as few signs as it takes: the plain
// words first, and only if these would be read as something else, with what must be escaped.
import { inline, joined, same } from "./inline.js";
import { read } from "./blocks.js";

const written = new WeakMap();
const code = (sign) => `&#${sign.codePointAt(0)};`;

// The runs of a paragraph or heading of the editor, as the reader would tell them.
export function runsOf(node) {
  const runs = [];
  node.forEach((child) => {
    const mark = (name) => child.marks.find((one) => one.type.name === name);
    const text = child.isText ? child.text : "\n";
    runs.push({ text, strong: Boolean(mark("strong")), em: Boolean(mark("em")), href: mark("link")?.attrs.href ?? null });
  });
  return joined(bare(runs));
}

// White space at the edge of an emphasis does not belong to it.
function bare(runs) {
  const told = [];
  for (const run of runs) {
    if (!run.strong && !run.em) { told.push(run); continue; }
    const [, before, text, after] = /^(\s*)([^]*?)(\s*)$/.exec(run.text);
    const plain = { ...run, strong: false, em: false, cut: true };
    told.push({ ...plain, text: before }, { ...run, text }, { ...plain, text: after });
  }
  // Between two words of one look, white space is theirs.
  return told.filter((run) => run.text).map((run, at, all) => {
    const [one, other] = [all[at - 1], all[at + 1]];
    const blank = run.cut && one && other && one.href === run.href && other.href === run.href;
    return blank ? { ...run, strong: one.strong && other.strong, em: one.em && other.em } : run;
  });
}

const LINE_START = /^(\s*)(?:(#{1,6}(?=\s|$)|[>+-])|(\d{1,9})(?=[.)](?:\s|$)))/;
const lineStart = (line) => line.replace(LINE_START, (_, gap, sign, number) => (sign ? `${gap}\\${sign}` : `${gap}${number}\\`));

const spelled = (sign) => (sign && !/[\s\\&]/.test(sign) ? code(sign) : sign);

// How a stretch of plain words is written at each degree of care. Where the sign of an emphasis
// would touch a letter that hides it, the letter is spelled by its number: `before`, `after`.
function words(text, care, before, after) {
  const signs = [...text];
  const [first, last] = [before ? 1 : 0, after ? signs.length - 1 : signs.length];
  let told = signs.slice(first, Math.max(first, last)).join("");
  if (care >= 2) told = told.replace(/[\\*_[\]]/g, "\\$&").replace(/&(?=#?\w)/g, "\\&").replace(/!(?=\\\[|$)/g, "\\!");
  if (before) told = spelled(signs[0]) + told;
  if (after && last >= first) told += spelled(signs[last]);
  return told.replace(/\n(?=[ \t])([ \t])/g, (_, gap) => `\n${code(gap)}`).replaceAll("\n", "\\\n");
}

const href = (address) => {
  const told = address.replace(/[\\<>]/g, "\\$&").replace(/&(?=#?\w+;)/g, "\\&").replace(/\n/g, "%0A");
  const balanced = [...address].reduce((n, sign) => (n < 0 ? n : n + (sign === "(") - (sign === ")")), 0) === 0;
  return /^[^\s\0-\x1f<>\x7f]+$/.test(address) && balanced ? told : `<${told}>`;
};

const SIGNS = { strong: "**", em: "*" };
function marked(runs, care, inside, emSign, all = runs) {
  let told = "";
  for (let at = 0; at < runs.length; ) {
    const reach = (has) => { let to = at; while (to < runs.length && has(runs[to])) to += 1; return to; };
    const options = [];
    if (!inside.href && runs[at].href !== null) options.push(["href", reach((one) => one.href === runs[at].href)]);
    for (const name of ["strong", "em"]) if (!inside[name] && runs[at][name]) options.push([name, reach((one) => one[name])]);
    if (!options.length) {
      const run = runs[at];
      const more = (one) => care >= 3 && one && ((one.strong && !run.strong) || (one.em && !run.em));
      told += words(run.text, care, more(all[all.indexOf(run) - 1]), more(all[all.indexOf(run) + 1]));
      at += 1;
      continue;
    }
    const [name, to] = options.reduce((best, one) => (one[1] > best[1] ? one : best));
    const within = marked(runs.slice(at, to), care, { ...inside, [name]: true }, emSign, all);
    const sign = name === "em" ? emSign : SIGNS[name];
    if (name !== "href") told += sign + within + sign;
    else {
      const address = runs[at].href;
      const alone = to === at + 1 && runs[at].text === address;
      told += alone && care < 2 && /^(?:https?:|mailto:|tel:)[^\s()<>[\]\\*_]+$/.test(address) ? `[${address}](${address})` : `[${within}](${href(address)})`;
    }
    at = to;
  }
  return told;
}

const equal = (one, other) => one.length === other.length && one.every((run, at) => run.text === other[at].text && same(run, other[at]));

// The words of a paragraph, or of a heading of `level`, read back before they are believed.
function textOf(node, level) {
  const runs = runsOf(node);
  if (!runs.length) return "";
  const before = level ? `${"#".repeat(level)} ` : "";
  let best = "";
  for (let care = 0; care <= 3; care += 1) {
    for (const emSign of care === 3 ? ["*", "_"] : ["*"]) {
      let told = marked(runs, care, { strong: false, em: false, href: false }, emSign);
      if (level) told = told.replaceAll("\\\n", code("\n")).replace(/#+$/, care >= 1 ? "\\$&" : "$&");
      else if (care >= 1) told = told.split("\n").map(lineStart).join("\n");
      best = before + told;
      const ruled = told.split("\n").some((line) => /^[-*_ \t]+$/.test(line));
      const found = ruled ? [] : read(best);
      const wanted = level ? "heading" : "paragraph";
      if (found.length === 1 && found[0].type === wanted && equal(found[0].runs, runs)) return best;
    }
  }
  return best;
}

function figureOf({ src, alt, caption }) {
  const title = caption ? ` "${caption.replace(/["\\]/g, "\\$&").replace(/&(?=#?\w+;)/g, "\\&")}"` : "";
  const told = `![${alt}](${src || caption ? href(src) : ""}${title})`;
  const found = [];
  inline(told, 0, found);
  const [one] = found;
  if (found.length === 1 && one.type === "figure" && one.alt === alt && one.src === src && one.caption === caption) return told;
  return `![${alt.replace(/\[/g, "(").replace(/\]/g, ")").replace(/\\/g, "/")}](${href(src)}${title})`;
}

function cached(node, make) {
  let told = written.get(node);
  if (told === undefined) { told = make(); written.set(node, told); }
  return told;
}

function blockOf(node, other) {
  switch (node.type.name) {
    case "paragraph": return cached(node, () => textOf(node, 0));
    case "heading": return cached(node, () => textOf(node, node.attrs.level));
    case "figure": return cached(node, () => figureOf(node.attrs));
    case "blockquote": {
      const told = childrenOf(node);
      return told && told.split("\n").map((line) => (line ? `> ${line}` : ">")).join("\n");
    }
    default: return listOf(node, other);
  }
}

function listOf(list, other) {
  const entries = [];
  const ordered = list.type.name === "ordered_list";
  list.forEach((item) => {
    const told = childrenOf(item);
    if (!told) return;
    const number = Math.min((list.attrs.start ?? 1) + entries.length, 999_999_999);
    const mark = ordered ? `${number}${other ? ")" : "."} ` : other ? "* " : "- ";
    const lines = told.split("\n").map((line, at) => (at === 0 ? mark + line : line && " ".repeat(mark.length) + line));
    entries.push(lines.join("\n"));
  });
  return entries.join("\n");
}

// Blocks one below the other. Two lists of one kind in a row get different signs, or they were one.
function childrenOf(node) {
  let told = "";
  let before = null;
  node.forEach((child) => {
    const kind = child.type.name;
    const listed = kind.endsWith("_list");
    const other = listed && before?.kind === kind && !before.other;
    const text = blockOf(child, other);
    if (!text) return;
    // Inside an entry a list may follow its words at once, if it is one that may interrupt them.
    const close = node.type.name === "list_item" && before?.kind === "paragraph" && listed && (kind === "bullet_list" || child.attrs.start === 1);
    told += (before ? (close ? "\n" : "\n\n") : "") + text;
    before = { kind, other };
  });
  return told;
}

export const write = (doc) => childrenOf(doc);
