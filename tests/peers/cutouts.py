"""Makes a frame of simulated star clusters with a WCS and its catalogue, as surveys have them, and
says what astropy cuts out of it.

usage: cutouts.py DIR
Writes DIR/frame.fits, DIR/catalogue.csv (id, x, y, ra, dec, size, class) and DIR/sky.csv (without x
and y). Prints as JSON, for some of the rows: id, and the pixels of 0 to 255 of astropy's Cutout2D
with asinh between the least and the greatest value, the top row first.
"""

import csv
import json
import os
import sys

import numpy as np
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.visualization import AsinhStretch, MinMaxInterval
from astropy.wcs import WCS

SIZE = 48
PER_CLASS = 100
SHOWN = 12


def stars(rng, kind):
    """Places around the centre, in pixels, and brightnesses of the stars of one cluster."""
    if kind == "globular":
        n, radius = 400, 4.0
        r = radius * np.sqrt(rng.pareto(1.6, n))
    else:
        n, radius = 25, 12.0
        r = radius * np.sqrt(rng.random(n))
    angle = rng.random(n) * 2 * np.pi
    return r * np.cos(angle), r * np.sin(angle), 50 * (1 + rng.pareto(1.5, n))


def frame(rng):
    """The values, and id, x, y, class of each cluster."""
    side = 64 * 16
    values = rng.normal(100, 3, (side, side))
    rows = []
    places = rng.permutation(15 * 15)[: 2 * PER_CLASS]
    ys, xs = np.mgrid[-4:5, -4:5]
    for number, place in enumerate(places):
        kind = ["globular", "open"][number % 2]
        x = 64 * (place % 15 + 1) + rng.uniform(-6, 6)
        y = 64 * (place // 15 + 1) + rng.uniform(-6, 6)
        for dx, dy, flux in zip(*stars(rng, kind)):
            column, row = int(round(x + dx)), int(round(y + dy))
            if 4 <= column < side - 4 and 4 <= row < side - 4:
                light = np.exp(-((xs - (x + dx - column)) ** 2 + (ys - (y + dy - row)) ** 2) / 3)
                values[row - 4 : row + 5, column - 4 : column + 5] += flux * light
        rows.append((f"NGC-{number}", x, y, kind))
    return values.astype(np.float32), rows


def main(directory):
    rng = np.random.default_rng(7)
    values, rows = frame(rng)
    # One that lies half outside of the frame.
    rows.append(("edge", 3.25, 1020.5, "open"))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [24.17, 15.78]
    wcs.wcs.crpix = [500.5, 480.25]
    wcs.wcs.cd = np.array([[-1.1e-5, 2e-7], [2e-7, 1.1e-5]])
    fits.PrimaryHDU(values, wcs.to_header()).writeto(os.path.join(directory, "frame.fits"))
    with (
        open(os.path.join(directory, "catalogue.csv"), "w", newline="") as catalogue,
        open(os.path.join(directory, "sky.csv"), "w", newline="") as sky,
    ):
        catalogue, sky = csv.writer(catalogue), csv.writer(sky)
        catalogue.writerow(["id", "x", "y", "ra", "dec", "size", "class"])
        sky.writerow(["id", "ra", "dec", "size", "class"])
        for name, x, y, kind in rows:
            ra, dec = wcs.all_pix2world(x, y, 0)
            catalogue.writerow([name, repr(float(x)), repr(float(y)), float(ra), float(dec), SIZE, kind])
            sky.writerow([name, float(ra), float(dec), SIZE, kind])
    shown = []
    for name, x, y, _ in rows[:SHOWN] + rows[-1:]:
        cutout = Cutout2D(values, (x, y), SIZE, mode="partial", fill_value=np.nan).data
        scaled = np.nan_to_num((AsinhStretch() + MinMaxInterval())(cutout), nan=0.0)
        shown.append({"id": name, "pixels": np.flipud(np.rint(255 * scaled)).astype(int).tolist()})
    json.dump(shown, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
