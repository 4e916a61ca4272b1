"""Makes the small FITS files beside it, the seeds of the fuzz target `fits`, and values.json: what
astropy reads from each, row by row from the bottom, with null for NaN.

Made with Python 3.11, astropy 8.0.2, numpy 2.0.2. Run it without arguments.
"""
import gzip
import json
import os

import numpy as np
from astropy.io import fits

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = os.path.join(HERE, "../../fuzz/corpus/fits")
rng = np.random.default_rng(3)
sky = rng.normal(100, 9, (6, 8)).round(2)
sky[3, 4] = 900


def tiled(data, **options):
    return [fits.PrimaryHDU(), fits.CompImageHDU(data, **options)]


holes = sky.astype(np.float32)
holes[1, 2], holes[5, 0] = np.nan, 0
counts = sky.astype(np.uint16)
blank = fits.PrimaryHDU(sky)
blank.scale("int16", bscale=0.5, bzero=30)
blank.data[2, 2] = -32768
blank.header["BLANK"] = -32768
celestial = fits.PrimaryHDU(sky.astype(np.float32))
celestial.header.update({"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 10.0, "CRVAL2": 20.0, "CRPIX1": 4.5, "CRPIX2": 3.5})
celestial.header.update({"CD1_1": -1e-3, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-3, "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "B_1_1": 1e-4})
made = {
    "uint16": [fits.PrimaryHDU(counts)],
    "blank": [blank],
    "celestial": [celestial],
    "cube": [fits.PrimaryHDU(np.stack([sky, sky + 1, sky + 2]))],
    "extension": [fits.PrimaryHDU(), fits.ImageHDU(sky.astype(np.int32), name="SCI")],
    "rice": tiled(counts, compression_type="RICE_1", tile_shape=(4, 5)),
    "rice_dither2": tiled(holes, compression_type="RICE_1", quantize_method=2, quantize_level=9, dither_seed=7),
    "gzip1": tiled(counts.astype(np.int32), compression_type="GZIP_1"),
    "gzip2_lossless": tiled(holes, compression_type="GZIP_2", quantize_level=0),
}
values = {}
for name, hdus in made.items():
    path = os.path.join(HERE, name + ".fits")
    fits.HDUList(hdus).writeto(path, overwrite=True)
    with fits.open(path) as read:
        data = next(hdu.data for hdu in read if hdu.is_image and hdu.data is not None)
        values[name + ".fits"] = [None if np.isnan(v) else float(v) for v in np.ravel(data)]
    # A seed begins with two bytes that choose settings.
    with open(os.path.join(SEEDS, name), "wb") as seed:
        seed.write(bytes([0, len(values)]) + open(path, "rb").read())
with open(os.path.join(HERE, "uint16.fits"), "rb") as plain:
    with open(os.path.join(SEEDS, "gzipped"), "wb") as seed:
        seed.write(bytes([2, 3]) + gzip.compress(plain.read(), mtime=0))
with open(os.path.join(HERE, "values.json"), "w") as file:
    json.dump(values, file, indent=1)
