// What comes from Word, a web page or another editor: bold, italic, lists, headings, links, nothing else.
const BLOCKS = new Set(["P", "DIV", "H1", "H2", "H3", "H4", "H5", "H6", "UL", "OL", "LI", "BLOCKQUOTE", "TABLE", "TR", "TD", "TH", "SECTION", "ARTICLE"]);
const GONE = "style, script, title, meta, link, xml, template, noscript, svg, iframe, object, button, select, textarea";

// Styles are only read, never applied, not even in a page that nobody sees: the policy forbids it.
const STYLE = "data-style";
const style = (node) => (node.getAttribute(STYLE) || "").toLowerCase();
const level = (node) => Number(/mso-list:[^;]*?\blevel(\d)/.exec(style(node))?.[1] || 0);

function wrap(node, tag) {
  const made = node.ownerDocument.createElement(tag);
  made.append(...node.childNodes);
  node.append(made);
}

// Word writes a list as paragraphs that carry their own marks; here it becomes a list.
function listed(paragraphs) {
  const first = paragraphs[0];
  const make = (tag) => first.ownerDocument.createElement(tag);
  const open = [];
  const root = make("div");
  for (const one of paragraphs) {
    const deep = Math.max(1, level(one));
    const ignored = [...one.querySelectorAll(`[${STYLE}]`)].find((node) => /mso-list:\s*ignore/.test(style(node)));
    const mark = (ignored?.textContent || /^\s*\S{1,5}/.exec(one.textContent)?.[0] || "").trim();
    ignored?.remove();
    const number = /^\(?(\d+|[a-z]|[ivx]+)[.)]/i.exec(mark);
    const tag = number ? "ol" : "ul";
    while (open.length > deep) open.pop();
    let list = open[deep - 1];
    if (list && list.tagName.toLowerCase() !== tag && deep === open.length) { open.pop(); list = null; }
    while (!list) {
      const made = make(open.length + 1 === deep ? tag : "ul");
      const value = Number(number?.[1]);
      if (made.tagName === "OL" && value > 1) made.setAttribute("start", value);
      const above = open[open.length - 1];
      if (!above) root.append(made);
      else { if (!above.lastElementChild) above.append(make("li")); above.lastElementChild.append(made); }
      open.push(made);
      list = open[deep - 1];
    }
    const entry = make("li");
    const words = make("p");
    words.append(...one.childNodes);
    entry.append(words);
    list.append(entry);
  }
  first.before(...root.childNodes);
  for (const one of paragraphs) one.remove();
}

const isListed = (node) => node?.nodeType === 1 && node.tagName === "P" && (level(node) > 0 || /MsoList(?:Paragraph|Bullet|Number)/.test(node.className) && /mso-list/.test(style(node)));

export function cleaned(html) {
  const from = html.replace(/<!--\[if[^]*?<!\[endif\]-->/g, "").replace(/<!\[if[^>]*>|<!\[endif\]>/g, "").replace(/<\/?o:p[^>]*>/g, "")
    .replace(/<style[^]*?<\/style>/gi, "").replace(/(<[a-z][^>]*?)\sstyle\s*=/gi, `$1 ${STYLE}=`);
  // Only what was selected: the rest of the clipboard is Word's own.
  const cut = /<!--StartFragment-->([^]*?)<!--EndFragment-->/.exec(from);
  const page = new DOMParser().parseFromString(cut ? cut[1] : from, "text/html");
  const { body } = page;
  body.querySelectorAll(GONE).forEach((node) => node.remove());
  const comments = page.createTreeWalker(body, NodeFilter.SHOW_COMMENT);
  const found = [];
  while (comments.nextNode()) found.push(comments.currentNode);
  found.forEach((node) => node.remove());

  for (let node = body.querySelector("p"); node; ) {
    const all = [...body.querySelectorAll("p")];
    node = all.find(isListed);
    if (!node) break;
    const run = [node];
    while (isListed(run[run.length - 1].nextElementSibling)) run.push(run[run.length - 1].nextElementSibling);
    listed(run);
  }
  for (const node of [...body.querySelectorAll("p")]) {
    const heading = /^MsoTitle$|^MsoHeading(\d)|^Heading(\d)/.exec(node.className);
    if (heading) {
      const made = page.createElement("h2");
      made.append(...node.childNodes);
      node.replaceWith(made);
    }
  }
  for (const node of [...body.querySelectorAll(`[${STYLE}]`)]) {
    const told = style(node);
    if (/display:\s*none|mso-hide:\s*all/.test(told)) { node.remove(); continue; }
    const heading = node.closest("h1, h2, h3, h4, h5, h6");
    const weight = /(?<![\w-])font-weight:\s*(bold|[6-9]00|normal|[1-5]00)/.exec(told)?.[1];
    const slanted = /(?<![\w-])font-style:\s*(italic|normal)/.exec(told)?.[1];
    const plain = weight && !/bold|[6-9]00/.test(weight);
    if (plain && /^(B|STRONG)$/.test(node.tagName) || slanted === "normal" && /^(I|EM)$/.test(node.tagName)) { node.replaceWith(...node.childNodes); continue; }
    if (!BLOCKS.has(node.tagName) || !node.querySelector("p, div, ul, ol, table")) {
      if (weight && !plain && !heading) wrap(node, "strong");
      if (slanted === "italic" && !heading) wrap(node, "em");
    }
  }
  // Bold in a heading is the heading's own look.
  body.querySelectorAll("h1, h2, h3, h4, h5, h6").forEach((node) => node.querySelectorAll("b, strong").forEach((bold) => bold.replaceWith(...bold.childNodes)));
  for (const node of [...body.querySelectorAll("td, th")]) if (![...node.children].some((child) => BLOCKS.has(child.tagName))) wrap(node, "p");
  for (const node of [...body.querySelectorAll("p, h1, h2, h3, h4, h5, h6")]) if (!node.textContent.trim() && !node.querySelector("figure")) node.remove();
  for (const node of body.querySelectorAll("*")) for (const { name } of [...node.attributes]) if (!["href", "start", "data-src", "data-alt", "data-caption", "data-pm-slice"].includes(name)) node.removeAttribute(name);
  // A link to a place inside the document it came from leads nowhere here.
  body.querySelectorAll("a:not([href])").forEach((node) => node.replaceWith(...node.childNodes));
  // Word breaks its source lines anywhere: there a line end is a blank.
  const texts = page.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/[\t\n\r\f ]+/g, " ").replace(/\u00a0+/g, " ");
  return body.innerHTML;
}
