"""From training to what ships."""
