"""Makes FITS files with astropy, and says what astropy reads from them.

Request: {"dir": where to write}. Answer: {"version", "files": [{"file", "hdu" (its number), "shape"
([planes,] height, width), "values"}], "scaled": [{"file", "interval", "stretch", "values"}], "cutouts":
[{"file", "position", "size" (width, height), "values", "cut" (a FITS file that astropy wrote)}], "wcs":
[{"file", "points": [[ra, dec, x, y]]}]}. "values" are files of little-endian doubles.
"""
import gzip
import json
import os
import sys
import warnings

import astropy
import numpy as np
from astropy import visualization as vis
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

warnings.simplefilter("ignore")
directory = json.load(sys.stdin)["dir"]
rng = np.random.default_rng(13)
HEIGHT, WIDTH = 37, 53
rows, columns = np.mgrid[:HEIGHT, :WIDTH]
sky = rng.normal(100, 15, (HEIGHT, WIDTH)) + 2000 * np.exp(-((columns - 20) ** 2 + (rows - 15) ** 2) / 18)
cube = np.stack([sky, 2 * sky, sky[::-1] + 7])


def path(name):
    return os.path.join(directory, name)


def primary(data, **cards):
    hdu = fits.PrimaryHDU(data)
    hdu.header.update(cards)
    return [hdu]


def tiled(data, **options):
    return [fits.PrimaryHDU(), fits.CompImageHDU(data, **options)]


def with_blank(data, blank):
    data = data.astype(np.int16)
    data[2, 3] = data[30, 50] = blank
    return data


def holes(data):
    data = data.copy()
    data[0, :5] = np.nan
    data[7, 4:8] = 0
    return data


made = {}
for name in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]:
    made[name] = primary((sky / 20 - 10 if name == "int8" else (sky / 10)).astype(name))
made["int16_wide"] = primary(np.linspace(-32768, 32767, 64).reshape(8, 8).astype(np.int16))
made["uint64_far"] = primary(np.array([[0, 1, 2 ** 63], [2 ** 63 + 2048, 2 ** 64 - 4096, 5]], np.uint64))
scaled = fits.PrimaryHDU(sky)
scaled.scale("int16", bscale=0.03, bzero=900)
made["scaled16"] = [scaled]
scaled = fits.PrimaryHDU(sky)
scaled.scale("int32", bscale=1e-5, bzero=3)
made["scaled32"] = [scaled]
made["scaled_float"] = primary(sky.astype(np.float32))
made["blank16"] = primary(with_blank(sky, -999), BLANK=-999)
made["blank32"] = primary(with_blank(sky, -999).astype(np.int32), BLANK=-999)
odd = sky.astype(np.float32)
odd[0, :5], odd[5, 5], odd[6, 6] = np.nan, np.inf, -np.inf
made["nan_inf"] = primary(odd)
made["flat"] = primary(np.full((5, 6), 3.5))
made["few"] = primary(np.array([[1.0, 4.0], [2.5, np.nan]]))
made["degenerate"] = primary(sky.astype(np.float32)[None, None])
made["row"] = primary(sky[:1].astype(np.float32))
made["cube"] = primary(cube.astype(np.float32))
made["cube30"] = primary(np.stack([sky.astype(np.int16) + i for i in range(30)]).astype(np.int16))
made["multi"] = [
    fits.PrimaryHDU(),
    fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(5))], name="EVENTS"),
    fits.ImageHDU(np.arange(9.0), name="SPECTRUM"),
    fits.ImageHDU(sky.astype(np.float32), name="SCI"),
    fits.ImageHDU(sky.astype(np.int16), name="DQ"),
]
made["table"] = made["multi"][:2]
for kind in ["RICE_1", "GZIP_1", "GZIP_2"]:
    for name in ["uint8", "int16", "uint16", "int32", "uint32"]:
        data = (sky / 10).astype(name)
        made[f"{kind}_{name}"] = tiled(data, compression_type=kind)
        made[f"{kind}_{name}_tiles"] = tiled(data, compression_type=kind, tile_shape=(10, 16))
    for name in ["float32", "float64"]:
        data = holes(sky.astype(name))
        options = dict(compression_type=kind, quantize_level=16)
        made[f"{kind}_{name}"] = tiled(data, quantize_method=-1, **options)
        for method in [1, 2]:
            options |= dict(quantize_method=method, dither_seed=97)
            made[f"{kind}_{name}_dither{method}"] = tiled(data, **options)
        if kind != "RICE_1":
            made[f"{kind}_{name}_lossless"] = tiled(data, compression_type=kind, quantize_level=0)
    made[f"{kind}_flat"] = tiled(np.full((HEIGHT, WIDTH), 3.5, np.float32), compression_type=kind)
    header = fits.Header()
    header["BLANK"] = -999
    made[f"{kind}_blank"] = tiled(with_blank(sky, -999), compression_type=kind, header=header)
    made[f"{kind}_cube"] = tiled(cube.astype(np.float32), compression_type=kind)
    made[f"{kind}_cube_tiles"] = tiled(cube.astype(np.int16), compression_type=kind, tile_shape=(2, 9, 11))
# Its dither uses all of the table of random numbers.
made["RICE_1_long_dither"] = tiled(rng.normal(5, 1, (200, 210)).astype(np.float32), tile_shape=(200, 210), quantize_method=1, dither_seed=9990)


def save(name, array):
    np.ascontiguousarray(array, "<f8").tofile(path(name))
    return name


def image(name, hdu=None):
    with fits.open(path(name)) as hdus:
        if hdu is None:
            hdu = next(i for i, h in enumerate(hdus) if h.is_image and h.data is not None and h.data.ndim > 1)
        return hdu, np.array(hdus[hdu].data)


files = []
for name, hdus in made.items():
    name += ".fits"
    fits.HDUList(hdus).writeto(path(name))
    if name == "scaled_float.fits":
        # astropy scales floating-point numbers that others wrote.
        with open(path(name), "r+b") as file:
            header = file.read(2880).replace(b"END" + b" " * 237, b"BSCALE  =                 0.03" + b" " * 50 + b"BZERO   =                   -7" + b" " * 50 + b"END" + b" " * 77)
            file.seek(0)
            file.write(header)
    if name == "table.fits":
        continue
    hdu, data = image(name)
    shape = [n for n in data.shape if n > 1] if data.ndim > 2 else data.shape
    files.append({"file": name, "hdu": hdu, "shape": list(shape), "values": save(name + ".f8", data)})
for name in ["float32.fits", "multi.fits"]:
    with gzip.open(path(name + ".gz"), "wb") as file:
        file.write(open(path(name), "rb").read())
    entry = next(entry for entry in files if entry["file"] == name)
    files.append(dict(entry, file=name + ".gz"))

INTERVALS = {
    "minmax": vis.MinMaxInterval(),
    "percentile:99.5": vis.PercentileInterval(99.5),
    "percentile:60": vis.PercentileInterval(60),
    "percentile:100": vis.PercentileInterval(100),
    "zscale": vis.ZScaleInterval(),
}
STRETCHES = {
    "linear": vis.LinearStretch(),
    "sqrt": vis.SqrtStretch(),
    "log": vis.LogStretch(),
    "log:50": vis.LogStretch(50),
    "asinh": vis.AsinhStretch(),
    "asinh:0.02": vis.AsinhStretch(0.02),
    "sinh": vis.SinhStretch(),
    "sinh:0.5": vis.SinhStretch(0.5),
    "histeq": None,
}
answers = []
# Enough pixels for zscale to sample some of them.
large = rng.gamma(2.0, 50.0, (150, 160)) + 1000 * (rng.random((150, 160)) > 0.99)
fits.PrimaryHDU(large.astype(np.float32)).writeto(path("large.fits"))
fits.PrimaryHDU(holes(large)).writeto(path("large_holes.fits"))
for name in ["large.fits", "large_holes.fits", "uint16.fits", "uint8.fits", "nan_inf.fits", "flat.fits", "few.fits", "blank16.fits", "cube.fits", "RICE_1_float32_dither1.fits"]:
    data = np.array(image(name)[1], float)
    planes = data if data.ndim == 3 else data[None]
    for interval_name, interval in INTERVALS.items():
        units = [interval(plane) for plane in planes]
        for stretch_name, stretch in STRETCHES.items():
            # astropy equalises a constant plane to NaN.
            if stretch is None and name == "flat.fits":
                continue
            result = [(stretch or vis.HistEqStretch(unit))(unit) for unit in units]
            values = save(f"{name}.{interval_name}.{stretch_name}.f8", result)
            answers.append({"file": name, "interval": interval_name, "stretch": stretch_name, "values": values})
# Three bands as astropy composes them.
rgb = vis.make_rgb(*image("cube.fits")[1], interval=vis.ZScaleInterval(), stretch=vis.AsinhStretch())
rgb = save("cube.rgb.f8", rgb[::-1])

cutouts = []
for name in ["float32.fits", "uint16.fits", "float64.fits", "scaled16.fits", "nan_inf.fits", "int32.fits"]:
    data = image(name)[1]
    for i, (position, size) in enumerate([
        ((20, 15), (8, 8)), ((20.5, 15.5), (8, 8)), ((20.49, 15.51), (7, 7)), ((0, 0), (9, 5)), ((-3.2, 2), (9, 6)),
        ((52, 36), (6, 11)), ((26, 18), (53, 37)), ((26, 18), (80, 90)), ((10, 12), (1, 1)), ((7.5, 30.25), (4, 3)),
    ]):
        data_of = data if data.dtype.kind == "f" else data.astype(float)
        cut = Cutout2D(data_of, position, size[::-1], mode="partial", fill_value=np.nan).data
        fits.PrimaryHDU(cut).writeto(path(f"cut.{i}.{name}"))
        cutouts.append({"file": name, "position": position, "size": size, "values": save(f"cut.{i}.{name}.f8", cut), "cut": f"cut.{i}.{name}"})


def header_of(kind, ra, dec, **cards):
    header = fits.Header()
    header.update({"NAXIS": 2, "NAXIS1": 2000, "NAXIS2": 1500, "CTYPE1": "RA---" + kind, "CTYPE2": "DEC--" + kind})
    header.update({"CRVAL1": ra, "CRVAL2": dec, "CRPIX1": 1000.5, "CRPIX2": 600.25})
    header.update(cards or {"CDELT1": -5e-4, "CDELT2": 5e-4})
    return header


SIP = {"A_ORDER": 3, "B_ORDER": 2, "A_2_0": 2e-6, "A_0_2": -1e-6, "A_1_1": 3e-6, "A_3_0": 1e-10, "A_0_0": 0.3, "B_2_0": -2e-6, "B_0_2": 1e-6, "B_1_1": -1e-6}
CD = {"CD1_1": -4e-4, "CD1_2": 1e-4, "CD2_1": 1.2e-4, "CD2_2": 4.1e-4}
headers = []
for kind in ["TAN", "SIN", "ARC", "STG", "ZEA"]:
    for ra, dec in [(0.0, 0.0), (359.999, 33.0), (210.8, 54.3), (12.0, 89.95), (100.0, -89.9), (45.0, 90.0), (83.6, -90.0)]:
        headers.append(header_of(kind, ra, dec))
headers += [
    header_of("TAN", 150.1, 2.2, **CD),
    header_of("TAN", 150.1, 2.2, CD1_1=-4e-4, CD2_2=4e-4),
    header_of("TAN", 150.1, 2.2, CDELT1=-3e-4, CDELT2=3e-4, PC1_1=0.8, PC1_2=-0.6, PC2_1=0.6, PC2_2=0.8),
    header_of("TAN", 150.1, 2.2, CDELT1=-3e-4, CDELT2=3e-4, PC1_2=0.1),
    header_of("TAN", 150.1, 2.2, CDELT1=-3e-4, CDELT2=2e-4, CROTA2=30.0),
    header_of("TAN", 150.1, -42.2, LONPOLE=150.0, **CD),
    header_of("TAN", 0.001, 80.0, CUNIT1="deg", CUNIT2="deg", RADESYS="FK5", EQUINOX=2000.0, **CD),
    header_of("TAN-SIP", 202.47, 47.2, **CD, **SIP),
    header_of("TAN-SIP", 359.99, -88.0, **CD, **SIP, AP_ORDER=2, BP_ORDER=2, AP_1_0=1e-5, BP_0_1=1e-5),
    header_of("TAN", 202.47, 47.2, **CD, **SIP),
    header_of("TAN-SIP", 202.47, 47.2, **CD),
]
swapped = header_of("TAN", 30.0, 40.0, CD1_1=4e-4, CD1_2=1e-4, CD2_1=1e-4, CD2_2=-4e-4)
swapped.update({"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 40.0, "CRVAL2": 30.0})
headers.append(swapped)
wcs = []
for i, header in enumerate(headers):
    hdu = fits.PrimaryHDU(np.zeros((2, 2), np.uint8), header)
    hdu.header["HISTORY"] = "made for a test"
    hdu.writeto(path(f"wcs.{i}.fits"))
    read = WCS(header)
    pixels = np.array([(x, y) for x in (-20.0, 0.0, 700.3, 999.5, 1999.0) for y in (-5.0, 599.25, 1111.1, 1499.0)])
    world = read.all_pix2world(pixels, 0)
    flip = header["CTYPE1"].startswith("DEC")
    back = read.all_world2pix(world, 0, tolerance=1e-9, maxiter=50)
    points = [[*(w[::-1] if flip else w), *p] for w, p in zip(world, back)]
    wcs.append({"file": f"wcs.{i}.fits", "header": f"{header['CTYPE1']} {header['CRVAL1']} {header['CRVAL2']}", "points": points})

answer = {"version": astropy.__version__, "files": files, "scaled": answers, "cutouts": cutouts, "rgb": rgb, "wcs": wcs}
print(json.dumps(answer))
