"""The site's wiring as installations meet it: its example of every setting."""
