"""An imaging system: lamp, optics, sensor and the processing that makes a picture of its signal."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.spectra import Array, Camera, Lamp, colour_matrix
from leukon.datasets.synthetic.stain import Stain

Mosaic = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Optics:
    """The way of the light.

    Attributes
    ----------
    um_per_px : float
        Size of a pixel in the smear.
    aperture : float
        Numerical aperture of the objective; the blur is 0.21 wavelengths / aperture.
    defocus_um : float
        Distance from focus: blurs, and draws dark (+) or bright (−) edges.
    chromatic : float
        Lateral chromatic aberration: growth of the red image against the blue, such as 0.001.
    vignetting : float
        Loss of light in the corners, 0…1.
    flare : float
        Stray light: share of the mean light that veils the whole picture.
    tilt : float
        Change of light from one side to the other, 0…1.
    """

    um_per_px: float = 0.1
    aperture: float = 1.25
    defocus_um: float = 0.2
    chromatic: float = 0.0
    vignetting: float = 0.05
    tilt: float = 0.0
    flare: float = 0.008


@dataclass(frozen=True, slots=True)
class Sensor:
    """The sensor.

    Attributes
    ----------
    exposure : float
        Share of full scale that the empty background reaches in the strongest channel.
    full_well_e : float
        Electrons at full scale: shot noise is the root of the signal. Infinite switches it off.
    read_noise_e : float
        Noise of reading, in electrons.
    black : int
        Black level of the mosaic, of 65535.
    bayer : bool
        One colour a pixel; else three chips.
    """

    exposure: float = 0.75
    full_well_e: float = 12000
    read_noise_e: float = 8
    black: int = 1024
    bayer: bool = True


@dataclass(frozen=True, slots=True)
class Processing:
    """What makes the picture of the signal.

    Attributes
    ----------
    white : tuple of float
        Where white balance puts the background, linear RGB; equal values make it neutral.
    matrix : float
        How much of the matrix to sRGB is applied, 0 none … 1 all; above 1 saturates.
    contrast : float
        Strength of an S-shaped tone curve, −0.5…1.
    gamma : float
        The picture is the signal to the power 1 / gamma.
    sharpen : float
        Amount of unsharp masking, σ = 1 px.
    chroma_blur_px : float
        σ of the noise reduction of colour.
    jpeg_quality : int or None
        1…100; None stores without loss.
    """

    white: tuple[float, float, float] = (0.85, 0.85, 0.85)
    matrix: float = 1.0
    contrast: float = 0.2
    gamma: float = 2.2
    sharpen: float = 0.3
    chroma_blur_px: float = 0.8
    jpeg_quality: int | None = 92


@dataclass(frozen=True, slots=True)
class ImagingSystem:
    """A microscope with its lamp, camera and software, and how its laboratory stains."""

    lamp: Lamp
    camera: Camera
    optics: Optics = field(default_factory=Optics)
    sensor: Sensor = field(default_factory=Sensor)
    processing: Processing = field(default_factory=Processing)
    stain: Stain = field(default_factory=Stain)

    def response(self) -> Array:
        """Signal per unit of transmitted light, clear glass at 1 in the strongest channel, shape (31, 3)."""
        response = self.lamp.spectrum()[:, None] * self.camera.sensitivities()
        return np.asarray(response / response.sum(0).max(), np.float32)


def through_optics(light: Array, relief: Array, optics: Optics) -> Array:
    """Blur, displace and dim linear light of shape (H, W, 3)."""
    height, width = relief.shape
    if optics.defocus_um:
        # Transport of intensity: out of focus, light gathers or thins out where the relief is curved.
        smooth = cv2.GaussianBlur(relief, (0, 0), 0.25 / optics.um_per_px)
        curvature = cv2.Laplacian(smooth, cv2.CV_32F) / np.float32(optics.um_per_px**2)
        light = light * np.clip(1 + 0.035 * optics.defocus_um * curvature, 0.6, 1.5)[..., None]
    channels = []
    for i, (wavelength_um, shift) in enumerate(((0.61, 1), (0.54, 0), (0.46, -1))):
        sigma_um = np.hypot(
            0.21 * wavelength_um / optics.aperture, 0.35 * optics.defocus_um * optics.aperture
        )
        channel = np.ascontiguousarray(light[..., i])
        if sigma_um / optics.um_per_px > 0.2:
            channel = cv2.GaussianBlur(channel, (0, 0), sigma_um / optics.um_per_px)
        if optics.chromatic and shift:
            grow = 1 + shift * optics.chromatic
            matrix = np.array([[grow, 0, (1 - grow) * width / 2], [0, grow, (1 - grow) * height / 2]])
            channel = cv2.warpAffine(channel, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        channels.append(channel)
    seen = np.stack(channels, axis=-1)
    seen += optics.flare * (seen.mean((0, 1)) - seen)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    shade = (1 - optics.vignetting * (x * x + y * y) / 2) * (1 + optics.tilt / 2 * x)
    return np.asarray(seen * shade[..., None], np.float32)


def expose(light: Array, sensor: Sensor, rng: np.random.Generator) -> tuple[Array, Mosaic | None]:
    """Turn linear light into the linear RGB that the sensor gives, 0…1, black level taken off.

    Returns
    -------
    rgb : ndarray, shape (H, W, 3)
        Demosaiced where the sensor has one colour a pixel (RGGB).
    mosaic : ndarray of uint16, shape (H, W), or None
        The mosaic as read, black level included.
    """
    signal = light * np.float32(sensor.exposure)
    mosaicked = None
    if sensor.bayer:
        plane = signal[..., 1].copy()
        plane[::2, ::2] = signal[::2, ::2, 0]
        plane[1::2, 1::2] = signal[1::2, 1::2, 2]
        signal = plane
    variance = signal.clip(0) / sensor.full_well_e + (sensor.read_noise_e / sensor.full_well_e) ** 2
    if np.isfinite(sensor.full_well_e):
        signal = signal + np.sqrt(variance) * rng.standard_normal(signal.shape, np.float32)
    scale = 65535 - sensor.black
    counts = np.clip(signal * scale + sensor.black + 0.5, 0, 65535).astype(np.uint16)
    if sensor.bayer:
        mosaicked = counts
        counts = cv2.cvtColor(counts, cv2.COLOR_BayerRGGB2RGB)
    rgb = np.maximum(counts.astype(np.float32) - sensor.black, 0) / np.float32(scale)
    return rgb, mosaicked


def develop(rgb: Array, background: Array, system: ImagingSystem) -> npt.NDArray[np.uint8]:
    """Make the picture: white balance, colour matrix, tone, sharpening, noise reduction, JPEG.

    Parameters
    ----------
    rgb : ndarray, shape (H, W, 3)
        Linear camera RGB, 0…1.
    background : ndarray, shape (3,)
        What the system gives for the empty background.
    """
    processing = system.processing
    matrix = np.eye(3, dtype=np.float32) * (1 - processing.matrix)
    matrix += processing.matrix * colour_matrix(system.lamp, system.camera)
    # The matrix keeps neutral colours, so the wanted tint of the background is laid over it.
    mixed = (rgb / background) @ matrix.T * np.asarray(processing.white, np.float32)
    seen = np.clip(mixed, 0, 1) ** np.float32(1 / processing.gamma)
    if processing.contrast:
        seen += processing.contrast * (seen * seen * (3 - 2 * seen) - seen)
    if processing.chroma_blur_px:
        luma = seen @ np.array([0.299, 0.587, 0.114], np.float32)
        chroma = cv2.GaussianBlur(seen - luma[..., None], (0, 0), processing.chroma_blur_px)
        seen = chroma + luma[..., None]
    if processing.sharpen:
        seen = seen + processing.sharpen * (seen - cv2.GaussianBlur(seen, (0, 0), 1.0))
    picture = np.clip(seen * 255 + 0.5, 0, 255).astype(np.uint8)
    if processing.jpeg_quality is None:
        return np.asarray(picture)
    quality = (cv2.IMWRITE_JPEG_QUALITY, processing.jpeg_quality)
    stored = cv2.imencode(".jpg", picture[..., ::-1], quality)[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))[..., ::-1], np.uint8)
