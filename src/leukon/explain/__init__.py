"""Where a classifier looks: occlusion for whatever names cells, Grad-CAM for networks in training."""
