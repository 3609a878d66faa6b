"""What runs off the window's thread: workers, the model, progress."""
