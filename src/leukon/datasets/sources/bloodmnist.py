"""BloodMNIST: the PBC cells, centre-cropped and reduced to 28×28 px or more, in one ``.npz`` (CC BY 4.0).

Arrays ``{train,val,test}_{images,labels}``, the parts being official. The images are unpacked once, as PNG
files into a folder beside the archive that is named by its contents, since a manifest lists files.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leukon.datasets.manifest import SPLITS, Entry, Manifest, file_sha256
from leukon.datasets.sources.layout import refusal
from leukon.errors import ManifestError
from leukon.imaging.files import write_image
from leukon.storage import writing_error

_LABELS = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "ig",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)


def read(root: Path) -> Manifest:
    """Read the archive `root`, or the only one in the folder `root`."""
    archives = [root] if root.is_file() else sorted(root.glob("*.npz"))
    if len(archives) != 1:
        found = f"it holds {len(archives)}: name one of them" if archives else "none is there"
        raise refusal(root, "BloodMNIST", f"one archive such as bloodmnist.npz ({found})")
    archive = archives[0]
    folder = archive.with_name(f"{archive.stem}_{file_sha256(archive)[:8]}")
    if not folder.is_dir():
        part = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(part, ignore_errors=True)
        try:
            _unpack(archive, part)
            part.rename(folder)
        except OSError as error:
            raise writing_error(folder, error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    files = sorted(folder.glob("*/*/*.png"), key=lambda f: (SPLITS.index(f.parts[-3]), f.name))
    return Manifest(
        archive.parent,
        tuple(
            Entry(
                file.relative_to(archive.parent).as_posix(),
                file.parent.name,
                capture="pbc",
                split=file.parts[-3],
                licence="CC-BY-4.0",
            )
            for file in files
        ),
    )


def _unpack(archive: Path, folder: Path) -> None:
    """Write ``{split}/{label}/{number}.png`` below `folder`."""
    try:
        with np.load(archive, allow_pickle=False) as arrays:
            parts = {name: (arrays[f"{name}_images"], arrays[f"{name}_labels"].ravel()) for name in SPLITS}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ManifestError(
            f"{archive} is not BloodMNIST's archive with {{train,val,test}}_{{images,labels}} ({error}); "
            "fetch it again"
        ) from error
    for split, (images, labels) in parts.items():
        _check(archive, split, images, labels)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            write_image(folder / split / _LABELS[int(label)] / f"{number:05d}.png", image)


def _check(archive: Path, split: str, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> None:
    fits = (
        images.ndim == 4 and images.shape[3] == 3 and images.dtype == np.uint8 and len(images) == len(labels)
    )
    if not fits or (labels.size and not 0 <= labels.min() <= labels.max() < len(_LABELS)):
        raise ManifestError(
            f"{archive}: {split}_images {images.shape} {images.dtype} with {len(labels)} labels are not RGB "
            f"images of {len(_LABELS)} classes; fetch it again"
        )
