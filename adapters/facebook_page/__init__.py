"""Facebook Page: posts, and the Page's Messenger inbox."""
