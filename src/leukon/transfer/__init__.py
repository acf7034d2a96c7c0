"""Networks that learn to turn one imaging system's pictures into another's.

The work is "Color Normalization of Blood Cell Images" (Sjöstrand et al., SCIA 2019): ccGAN and pcNet learn
from aligned pairs, CycleGAN from two sets without pairs. A method is a `TransferRecipe`; one loop trains all.
"""
