"""Where the published data sets are to be had, under which licence, and whom to cite."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remote:
    """A file at a public address.

    Attributes
    ----------
    url : str
    name : str
        What the file is called on disk; archives (.zip, .tar, .tar.gz, .tgz) are unpacked.
    checksum : str
        ``md5:`` or ``sha256:`` and hexadecimal digits, as the publisher states it; empty where none is.
    """

    url: str
    name: str
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published data set.

    Attributes
    ----------
    title, licence, citation : str
    home : str
        Its page.
    size_mb : int
        About how much is downloaded; 0 where it is not known.
    remote : Remote or None
        None where an account, a form or a special program is needed.
    how : str
        How to obtain it by hand.
    """

    title: str
    licence: str
    citation: str
    home: str
    size_mb: int = 0
    remote: Remote | None = None
    how: str = ""


_ALL_IDB = DataSet(
    "ALL-IDB",
    "research use, on request",
    "Labati, Piuri, Scotti: ALL-IDB: the acute lymphoblastic leukemia image database. ICIP 2011",
    "https://homes.di.unimi.it/scotti/all/",
    how="ask for access on its page; unpack the archive that you are sent",
)
_SEGMENTATION_WBC = DataSet(
    "segmentation_WBC",
    "GPL-3.0",
    "Zheng et al.: Fast and robust segmentation of white blood cell images by self-supervised learning. "
    "Micron 107 (2018)",
    "https://github.com/zxaoyou/segmentation_WBC",
    20,
    Remote(
        "https://github.com/zxaoyou/segmentation_WBC/archive/refs/heads/master.zip", "segmentation_WBC.zip"
    ),
)

DATA_SETS: dict[str, DataSet] = {
    "all_idb1": _ALL_IDB,
    "all_idb2": _ALL_IDB,
    "aml_lmu": DataSet(
        "AML-Cytomorphology_LMU",
        "CC BY 3.0",
        "Matek et al.: Human-level recognition of blast cells in acute myeloid leukaemia with convolutional "
        "neural networks. Nature Machine Intelligence 1 (2019)",
        "https://doi.org/10.7937/tcia.2019.36f5o9ld",
        11_000,
        how="download the images with IBM Aspera Connect, and annotations.dat beside them",
    ),
    "bccd": DataSet(
        "BCCD",
        "MIT",
        "Shenggan: BCCD dataset (2017)",
        "https://github.com/Shenggan/BCCD_Dataset",
        10,
        Remote("https://github.com/Shenggan/BCCD_Dataset/archive/refs/heads/master.zip", "BCCD_Dataset.zip"),
    ),
    "bcisc": DataSet(
        "BCISC",
        "Apache-2.0",
        "BCISC: blood cell images with varying white balance",
        "its authors' page",
        how="get it from its authors; the images belong into a folder images, masks into masks",
    ),
    "bloodmnist": DataSet(
        "BloodMNIST",
        "CC BY 4.0",
        "Yang et al.: MedMNIST v2. Scientific Data 10 (2023); Acevedo et al., Data in Brief 30 (2020)",
        "https://medmnist.com",
        36,
        Remote(
            "https://zenodo.org/records/10519652/files/bloodmnist.npz?download=1",
            "bloodmnist.npz",
            "md5:7053d0359d879ad8a5505303e11de1dc",
        ),
    ),
    "cnmc": DataSet(
        "C-NMC 2019",
        "CC BY 3.0",
        "Gupta, Gupta: ALL challenge dataset of ISBI 2019. The Cancer Imaging Archive (2019)",
        "https://doi.org/10.7937/tcia.2019.dc64i46r",
        10_000,
        how="download training and preliminary test archives with IBM Aspera Connect and unpack them",
    ),
    "jtsc": _SEGMENTATION_WBC,
    "kaggle_blood_cells": DataSet(
        "Blood Cell Images",
        "MIT",
        "Mooney: Blood cell images. Kaggle (2018)",
        "https://www.kaggle.com/datasets/paultimothymooney/blood-cells",
        110,
        how="log in to Kaggle, download the archive on its page and unpack it",
    ),
    "lisc": DataSet(
        "LISC",
        "research use",
        "Rezatofighi, Soltanian-Zadeh: Automatic recognition of five types of white blood cells in "
        "peripheral blood. Computerized Medical Imaging and Graphics 35 (2011)",
        "http://users.cecs.anu.edu.au/~hrezatofighi/Data/Leukocyte%20Data.htm",
        how="download 'LISC Database.zip' on its page and unpack it",
    ),
    "mll23": DataSet(
        "MLL23",
        "CC BY 4.0",
        "Shetab Boushehri et al.: A large expert-annotated single-cell peripheral blood dataset for "
        "hematological disease diagnostics. Scientific Data 12 (2025)",
        "https://zenodo.org/records/14277609",
        how="download the archives of all classes on its page and unpack them into one folder",
    ),
    "pbc": DataSet(
        "PBC",
        "CC BY 4.0",
        "Acevedo et al.: A dataset of microscopic peripheral blood cell images for development of automatic "
        "recognition systems. Data in Brief 30 (2020)",
        "https://data.mendeley.com/datasets/snkd93bnjr/1",
        280,
        Remote(
            "https://data.mendeley.com/public-files/datasets/snkd93bnjr/files/"
            "2fc38728-2ae7-4a62-a857-032af82334c3/file_downloaded",
            "PBC_dataset_normal_DIB.zip",
        ),
    ),
    "raabin_wbc": DataSet(
        "Raabin-WBC",
        "free for any use",
        "Kouzehkanan et al.: A large dataset of white blood cells containing cell locations and types, along "
        "with segmented nuclei and cytoplasm. Scientific Reports 12 (2022)",
        "https://raabindata.com/free-data/",
        how="download Train, TestA and TestB of its double-labelled cropped cells and unpack them",
    ),
    "segmentation_wbc": _SEGMENTATION_WBC,
}
"""By the name that reads them (`leukon.datasets.sources.SOURCES`)."""
