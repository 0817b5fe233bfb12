// Builds what the pages need into ../built: bundles, styles, fonts and icons under hashed names,
// each with its compressed forms beside it, and manifest.json: name → file.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "built");
const at = (...parts) => join(here, ...parts);
const manifest = {};
const made = new Map(); // file → bytes: nothing is written before everything is built

const packed = (bytes) => ({
  ".br": brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  ".gz": gzipSync(bytes, { level: 9, memLevel: 9 }),
});

function keep(name, content) {
  const bytes = Buffer.from(content);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const file = `${basename(name, extname(name))}.${hash}${extname(name)}`;
  made.set(file, bytes);
  if (extname(name) !== ".woff2") {
    for (const [ending, smaller] of Object.entries(packed(bytes))) made.set(file + ending, smaller);
  }
  manifest[name] = file;
  return file;
}

// Only the two subsets that hold every Vietnamese letter; the extended one would cost 85 KB more.
const fonts = {
  "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
  "inter-vietnamese.woff2": "@fontsource-variable/inter/files/inter-vietnamese-wght-normal.woff2",
  "be-vietnam-latin.woff2": "@fontsource/be-vietnam-pro/files/be-vietnam-pro-latin-600-normal.woff2",
  "be-vietnam-vietnamese.woff2": "@fontsource/be-vietnam-pro/files/be-vietnam-pro-vietnamese-600-normal.woff2",
};
const fontFiles = Object.fromEntries(
  Object.entries(fonts).map(([name, from]) => [name, keep(name, readFileSync(at("node_modules", from)))]),
);

const icons = readFileSync(at("icons.txt"), "utf8").split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
const symbols = icons.map((name) => {
  const drawn = readFileSync(at("node_modules/lucide-static/icons", `${name}.svg`), "utf8");
  const inner = drawn.slice(drawn.indexOf(">", drawn.indexOf("<svg")) + 1, drawn.indexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s+/g, " ").trim()}</symbol>`;
});
keep("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);
for (const file of readdirSync(at("src")).filter((name) => name.endsWith(".svg"))) keep(file, readFileSync(at("src", file)));

const entries = readdirSync(at("src")).filter((name) => /\.(js|css)$/.test(name));
for (const name of entries) {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: [at("src", name)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["es2022", "chrome109", "firefox115", "safari16"],
    external: ["*.woff2"],
    legalComments: "none",
    logLevel: "warning",
  });
  let text = outputFiles[0].text;
  for (const [font, file] of Object.entries(fontFiles)) text = text.replaceAll(font, file);
  // What esbuild leaves: 2 to 3 % of what comes over the line.
  if (name.endsWith(".js")) text = (await minify(text, { ecma: 2020, compress: { passes: 3 } })).code;
  keep(name, text);
}

// The manifest turns up last and at once, and what it no longer names goes ten minutes later: whoever
// reads meanwhile finds the old build whole or the new one.
mkdirSync(out, { recursive: true });
for (const [file, bytes] of made) writeFileSync(join(out, file), bytes);
const told = join(out, "manifest.json");
writeFileSync(`${told}.${process.pid}`, JSON.stringify(manifest, null, 1) + "\n");
renameSync(`${told}.${process.pid}`, told);
const old = Date.now() - 600_000;
for (const file of readdirSync(out)) {
  if (!made.has(file) && statSync(join(out, file)).mtimeMs < old) rmSync(join(out, file), { force: true });
}
