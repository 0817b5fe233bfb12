// What can stand in the editor: exactly what the body's Markdown can say, and no attribute of style.
import { Fragment, Schema, Slice } from "prosemirror-model";
import { read } from "./blocks.js";
import { sound } from "./inline.js";

const block = { group: "block", defining: true };
export const schema = new Schema({
  nodes: {
    doc: { content: "block+" },
    paragraph: { content: "inline*", group: "block", parseDOM: [{ tag: "p" }], toDOM: () => ["p", 0] },
    heading: {
      ...block,
      attrs: { level: { default: 2 } },
      content: "inline*",
      parseDOM: [1, 2, 3, 4, 5, 6].map((n) => ({ tag: `h${n}`, attrs: { level: Math.min(Math.max(n, 2), 4) } })),
      toDOM: (node) => [`h${node.attrs.level}`, 0],
    },
    bullet_list: { ...block, content: "list_item+", parseDOM: [{ tag: "ul" }], toDOM: () => ["ul", 0] },
    ordered_list: {
      ...block,
      attrs: { start: { default: 1 } },
      content: "list_item+",
      parseDOM: [{ tag: "ol", getAttrs: (dom) => ({ start: Math.max(0, Number(dom.getAttribute("start") ?? 1) || 0) }) }],
      toDOM: (node) => ["ol", node.attrs.start === 1 ? {} : { start: node.attrs.start }, 0],
    },
    list_item: { content: "block+", defining: true, parseDOM: [{ tag: "li" }], toDOM: () => ["li", 0] },
    blockquote: { ...block, content: "block+", parseDOM: [{ tag: "blockquote" }], toDOM: () => ["blockquote", 0] },
    figure: {
      group: "block",
      atom: true,
      draggable: true,
      attrs: { src: {}, alt: { default: "" }, caption: { default: "" } },
      parseDOM: [{
        tag: "figure[data-src]",
        getAttrs: (dom) => ({ src: dom.dataset.src, alt: dom.dataset.alt || "", caption: dom.dataset.caption || "" }),
      }],
      toDOM: ({ attrs }) => ["figure", { "data-src": attrs.src, "data-alt": attrs.alt, "data-caption": attrs.caption }],
    },
    text: { group: "inline" },
    hard_break: { group: "inline", inline: true, selectable: false, parseDOM: [{ tag: "br" }], toDOM: () => ["br"] },
  },
  marks: {
    link: {
      attrs: { href: {} },
      inclusive: false,
      parseDOM: [{ tag: "a[href]", getAttrs: (dom) => address(dom.getAttribute("href")) }],
      toDOM: (mark) => ["a", { href: mark.attrs.href, rel: "noopener" }, 0],
    },
    strong: {
      parseDOM: [
        { tag: "strong" },
        { tag: "b", getAttrs: (dom) => !/^(?:normal|400)$/.test(dom.style.fontWeight) && null },
        { style: "font-weight", getAttrs: (value) => /^(?:bold(?:er)?|[6-9]\d\d)$/.test(value) && null },
      ],
      toDOM: () => ["strong", 0],
    },
    em: {
      parseDOM: [
        { tag: "em" },
        { tag: "i", getAttrs: (dom) => dom.style.fontStyle !== "normal" && null },
        { style: "font-style", getAttrs: (value) => value === "italic" && null },
      ],
      toDOM: () => ["em", 0],
    },
  },
});

const address = (told) => sound(told) && { href: told };

const nodes = schema.nodes;
function words(runs) {
  return runs.flatMap(({ text, strong, em, href }) => {
    const marks = [
      ...(href !== null ? [schema.marks.link.create({ href })] : []),
      ...(strong ? [schema.marks.strong.create()] : []),
      ...(em ? [schema.marks.em.create()] : []),
    ];
    const lines = text.split("\n");
    return lines.flatMap((line, at) => [
      ...(at ? [nodes.hard_break.create(null, null, marks)] : []),
      ...(line ? [schema.text(line, marks)] : []),
    ]);
  });
}

function node(one) {
  switch (one.type) {
    case "paragraph": return nodes.paragraph.create(null, words(one.runs));
    case "heading": return nodes.heading.create({ level: one.level }, words(one.runs));
    case "blockquote": return nodes.blockquote.create(null, one.blocks.map(node));
    case "figure": return nodes.figure.create({ src: one.src, alt: one.alt, caption: one.caption });
    default: {
      const entries = one.entries.map((entry) => nodes.list_item.create(null, entry.map(node)));
      return one.ordered ? nodes.ordered_list.create({ start: one.start }, entries) : nodes.bullet_list.create(null, entries);
    }
  }
}

// A text as what the editor holds.
export function parse(text) {
  const blocks = read(text).map(node);
  return nodes.doc.create(null, blocks.length ? blocks : [nodes.paragraph.create()]);
}

// Plain text from outside: a blank line ends a paragraph, a line end alone breaks the line.
export function plainSlice(text) {
  const told = text.replace(/\r\n?/g, "\n").split(/\n{2,}/).filter((one) => one.trim());
  const paragraphs = told.map((one) => nodes.paragraph.create(null, words([{ text: one.trim(), strong: false, em: false, href: null }])));
  return new Slice(Fragment.from(paragraphs), 1, 1);
}
