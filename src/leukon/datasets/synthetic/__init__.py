"""A physically based generator of stained blood smears.

A `Scene` holds maps of dye, drawn from the morphology of cells in µm. `render` sends a lamp's light through
them (Beer–Lambert at each wavelength) into the optics, sensor and processing of an `ImagingSystem`. One scene
can be rendered through several systems and stains, pixel by pixel the same.

Examples
--------
>>> scene = draw_scene(SceneSpec(40, 30, ("monocyte",)), seed=7)
>>> x, y = (render(scene, SYSTEMS[name], seed=0, stain=Stain()) for name in ("led-x", "halogen-y"))
>>> x.srgb.shape, x.srgb.dtype, x.raw.dtype, bool((x.nucleus == y.nucleus).all())
((300, 400, 3), dtype('uint8'), dtype('uint16'), True)
"""

from leukon.datasets.synthetic.camera import ImagingSystem, Optics, Processing, Sensor
from leukon.datasets.synthetic.render import PlacedCell, Rendering, draw_cell_image, render
from leukon.datasets.synthetic.scene import Scene, SceneSpec, draw_scene, random_spec
from leukon.datasets.synthetic.stain import Stain, random_stain
from leukon.datasets.synthetic.systems import SYSTEMS, random_system
from leukon.datasets.synthetic.write import contact_sheet, write_cells, write_fields

__all__ = [
    "SYSTEMS",
    "ImagingSystem",
    "Optics",
    "PlacedCell",
    "Processing",
    "Rendering",
    "Scene",
    "SceneSpec",
    "Sensor",
    "Stain",
    "contact_sheet",
    "draw_cell_image",
    "draw_scene",
    "random_spec",
    "random_stain",
    "random_system",
    "render",
    "write_cells",
    "write_fields",
]
