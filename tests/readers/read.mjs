// Reads a feed from standard input with one library; writes what it understood as JSON.
// node read.mjs LIBRARY FORM

import { readFileSync } from "node:fs";
import { extractFromJson, extractFromXml } from "@extractus/feed-extractor";
import { parseFeed as rowanmanning } from "@rowanmanning/feed-parser";
import { parseFeed as feedsmith } from "feedsmith";
import RssParser from "rss-parser";

const [library, form] = process.argv.slice(2);
const text = readFileSync(0, "utf8");
const all = (value) => (value === undefined || value === null ? [] : [value].flat());

const readers = {
  async "rss-parser"() {
    const parser = new RssParser({ customFields: { item: [["media:content", "media", { keepArray: true }]] } });
    const { items } = await parser.parseString(text);
    return items.map((one) => ({
      id: one.guid ?? one.id,
      title: one.title,
      published: form === "atom.xml" ? one.pubDate : one.isoDate,
      author: one.creator ?? one.author,
      pictures: all(one.media).map((picture) => picture.$.url),
    }));
  },

  async feedsmith() {
    const { feed } = feedsmith(text);
    return (feed.items ?? feed.entries ?? []).map((one) => ({
      id: one.guid?.value ?? one.id,
      title: one.title?.value ?? one.title,
      published: one.pubDate ?? one.published ?? one.date_published,
      author: one.dc?.creators?.[0] ?? one.authors?.[0]?.name ?? one.authors?.[0],
      pictures: one.media ? all(one.media.contents).map((picture) => picture.url) : all(one.image),
    }));
  },

  async "@rowanmanning/feed-parser"() {
    return rowanmanning(text).items.map((one) => ({
      id: one.id,
      title: one.title,
      published: one.published,
      author: one.authors[0]?.name,
      pictures: one.media.filter((medium) => medium.type === "image").map((medium) => medium.url),
    }));
  },

  async "@extractus/feed-extractor"() {
    const more = (one) => ({
      author: one["dc:creator"] ?? one.author?.name ?? one.authors?.[0]?.name,
      pictures: one.image ? [one.image] : all(one["media:content"]).map((picture) => picture["@_url"]),
      guid: one.guid?.["#text"] ?? one.id,
      // Of Atom it calls the time of change "published"; the entry itself has both.
      since: one.pubDate ?? one.published ?? one.date_published,
    });
    const options = { getExtraEntryFields: more, normalization: true, descriptionMaxLen: 0 };
    const found = form === "feed.json" ? extractFromJson(text, options) : extractFromXml(text, options);
    return found.entries.map((one) => ({ id: one.guid, title: one.title, published: one.since, author: one.author, pictures: one.pictures }));
  },
};

const found = await readers[library]();
const seconds = (one) => Math.floor(new Date(one).getTime() / 1000);
console.log(JSON.stringify(found.map((one) => ({ ...one, published: seconds(one.published) }))));
