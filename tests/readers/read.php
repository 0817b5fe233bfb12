<?php
// Reads a feed from standard input with SimplePie; writes what it understood as JSON.
error_reporting(E_ALL & ~E_DEPRECATED);
require_once '/usr/share/php/simplepie/autoloader.php';

// SimplePie 1.3's own reading of dates does not run on PHP 8; the text it found is read by PHP.
function published(SimplePie_Item $item): string
{
    $found = $item->get_item_tags(SIMPLEPIE_NAMESPACE_RSS_20, 'pubDate')
        ?? $item->get_item_tags(SIMPLEPIE_NAMESPACE_ATOM_10, 'published');
    return $found[0]['data'];
}

$feed = new SimplePie();
$feed->set_raw_data(stream_get_contents(STDIN));
$feed->enable_cache(false);
$feed->enable_order_by_date(false);
$feed->set_stupidly_fast(true);
$feed->init();
if ($feed->error()) {
    fwrite(STDERR, $feed->error());
    exit(1);
}
$found = [];
foreach ($feed->get_items() as $item) {
    $pictures = [];
    foreach ($item->get_enclosures() ?? [] as $enclosure) {
        if ($enclosure->get_medium() === 'image' && $enclosure->link) {
            // It puts an empty fragment behind every address of an enclosure.
            $pictures[] = rtrim(html_entity_decode($enclosure->link, ENT_QUOTES), '#');
        }
    }
    $found[] = [
        'id' => $item->get_id(),
        // It gives titles as HTML.
        'title' => html_entity_decode(strip_tags($item->get_title()), ENT_QUOTES | ENT_HTML5),
        'published' => strtotime(published($item)),
        'author' => $item->get_author()->get_name(),
        'pictures' => $pictures,
    ];
}
echo json_encode($found, JSON_UNESCAPED_UNICODE);
