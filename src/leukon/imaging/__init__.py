"""Reading, cutting and colouring images."""
