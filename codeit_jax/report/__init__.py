"""What a folder of results looks like: one page that opens by double click, and its curves as a picture."""
