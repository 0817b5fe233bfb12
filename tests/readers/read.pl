# Reads a feed from standard input with XML::Feed; writes what it understood as JSON.
use strict;
use warnings;
use HTML::Entities;
use JSON::PP;
use XML::Feed;

$XML::Atom::ForceUnicode = 1;
my $text = do { local $/; <STDIN> };
my $feed = XML::Feed->parse(\$text) or die XML::Feed->errstr;
my @found = map {
    my $one = $_;
    my @pictures = ($one->content->body // '') =~ /<img[^>]* src="([^"]*)"/g;
    +{
        id        => $one->id,
        title     => $one->title,
        published => $one->issued->epoch + 0,
        author    => $one->author,
        pictures  => [map { decode_entities($_) } @pictures],
    }
} $feed->entries;
print JSON::PP->new->utf8->encode(\@found);
