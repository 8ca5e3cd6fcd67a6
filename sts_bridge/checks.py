"""Start-up checks of the bridge's dangerous settings, with number and hint."""
