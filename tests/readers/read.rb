# Reads a feed from standard input with Ruby's own library; writes what it understood as JSON.
require "cgi"
require "json"
require "rss"

def pictures(html)
  html.scan(/<img[^>]* src="([^"]*)"/).map { |found| CGI.unescapeHTML(found.first) }
end

feed = RSS::Parser.parse($stdin.read, validate: true, ignore_unknown_element: true)
found = feed.items.map do |one|
  atom = one.is_a?(RSS::Atom::Feed::Entry)
  {
    id: atom ? one.id.content : one.guid.content,
    title: atom ? one.title.content : one.title,
    published: (atom ? one.published.content : one.pubDate).to_i,
    author: atom ? one.authors.first.name.content : one.dc_creator,
    pictures: pictures(atom ? one.content.content : one.content_encoded),
  }
end
puts JSON.generate(found)
