"""Evolution: for each task, programs that come close are bred until some give its demonstrations."""
