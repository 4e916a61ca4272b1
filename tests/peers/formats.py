"""Image files of every kind, and their pixels as Pillow reads them.

In: {"dir": DIR}. Writes the files into DIR. Out: for each file its width, height, pixels (RGB, as
hex), by how many levels ours may differ, and whether it was turned as its EXIF data says.
"""

import json
import os
import sys

import imagecodecs
import numpy
import tifffile
from PIL import Image, ImageOps

WIDTH, HEIGHT = 37, 23
RANDOM = numpy.random.default_rng(7)


def noise(*channels, bits=8):
    kind = numpy.uint8 if bits <= 8 else numpy.uint16 if bits <= 16 else numpy.uint32
    return RANDOM.integers(0, 1 << bits, (HEIGHT, WIDTH, *channels), dtype=kind)


def smooth(channels):
    """What a lossy format keeps well."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH] / 40
    planes = [0.5 + 0.4 * numpy.sin(3 * x + i) * numpy.cos(2 * y - i) for i in range(channels)]
    return (255 * numpy.stack(planes, axis=-1)).astype(numpy.uint8)


def upper(pixels):
    """Bytes of samples of 16 or 32 bits."""
    return (pixels >> (8 * (pixels.itemsize - 1))).astype(numpy.uint8)


def grey(pixels):
    return numpy.repeat(pixels[..., None], 3, axis=-1)


def pillow(path):
    """Pillow's pixels, without alpha."""
    image = Image.open(path)
    image.seek(0)
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        levels = numpy.array(image).astype(numpy.uint32)
        return grey((levels >> 8).astype(numpy.uint8))
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "RGBX"):
        return numpy.array(image)[..., :3]
    if image.mode == "LA":
        return grey(numpy.array(image)[..., 0])
    return numpy.array(image.convert("RGB"))


def main():
    request = json.load(sys.stdin)
    answers = {}

    def add(name, pixels=None, tolerance=0, turned=False):
        path = os.path.join(request["dir"], name)
        pixels = pillow(path) if pixels is None else pixels
        assert pixels.dtype == numpy.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, name
        answers[name] = {
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "turned": turned,
            "pixels": pixels.tobytes().hex(),
            "tolerance": tolerance,
        }

    def save(name, image, tolerance=0, pixels=None, **options):
        image.save(os.path.join(request["dir"], name), **options)
        add(name, pixels, tolerance)

    def tiff(name, data, tolerance=0, pixels=None, **options):
        options.setdefault("metadata", None)
        tifffile.imwrite(os.path.join(request["dir"], name), data, **options)
        add(name, pixels, tolerance)

    rgb, rgba, grey8, grey16 = noise(3), noise(4), noise(), noise(bits=16)
    palette = Image.fromarray(noise(3)).quantize(200)
    few = Image.fromarray(noise(3)).quantize(13)

    # PNG. Those with an alpha channel keep their colours: DecodePng drops it, as Pillow does here.
    save("grey16.png", Image.fromarray(grey16))
    save("grey_alpha.png", Image.fromarray(noise(2), "LA"))
    save("rgba.png", Image.fromarray(rgba))
    save("palette.png", palette)
    save("palette4.png", few, bits=4)
    save("palette_transparent.png", few, transparency=3)
    save("grey1.png", Image.fromarray(grey8).convert("1"))
    for bits in (2, 4):
        levels = noise(bits=bits)
        # Pillow does not write these depths, but reads them.
        path = os.path.join(request["dir"], f"grey{bits}.png")
        write_png(path, levels, bits)
        add(f"grey{bits}.png")
    # Pillow reads 16 bits of colour as their upper bytes.
    for channels in (2, 3, 4):
        samples = noise(channels, bits=16)
        path = os.path.join(request["dir"], f"sixteen{channels}.png")
        with open(path, "wb") as file:
            file.write(imagecodecs.png_encode(samples))
        add(f"sixteen{channels}.png", grey(upper(samples[..., 0])) if channels == 2 else None)

    # TIFF.
    for name, compression in (
        ("none", None),
        ("lzw", "lzw"),
        ("deflate", "zlib"),
        ("packbits", "packbits"),
    ):
        tiff(f"rgb_{name}.tif", rgb, photometric="rgb", compression=compression)
        tiff(f"grey_{name}.tif", grey8, photometric="minisblack", compression=compression)
        tiff(f"grey16_{name}.tif", grey16, photometric="minisblack", compression=compression)
        tiff(f"rgb16_{name}.tif", noise(3, bits=16), photometric="rgb", compression=compression)
        planes = numpy.moveaxis(rgb, -1, 0)
        tiff(
            f"planar_{name}.tif", planes, photometric="rgb", planarconfig="separate",
            compression=compression,
        )
    for compression in ("lzw", "zlib"):
        for name, data in (("rgb", rgb), ("rgb16", noise(3, bits=16)), ("grey16", grey16)):
            kind = "minisblack" if data.ndim == 2 else "rgb"
            tiff(
                f"{name}_{compression}_predicted.tif", data, photometric=kind, predictor=True,
                compression=compression,
            )
    # An extra sample that is no alpha, with differences between pixels.
    tiff(
        "rgbx_predicted.tif", rgba, photometric="rgb", extrasamples=["unspecified"],
        compression="lzw", predictor=True, pixels=rgba[..., :3],
    )
    tiff("rgba.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    tiff("rgba_planar.tif", numpy.moveaxis(rgba, -1, 0), photometric="rgb",
         planarconfig="separate", extrasamples=["unassalpha"])
    tiff("rgba_premultiplied.tif", rgba, photometric="rgb", extrasamples=["assocalpha"])
    rgba16 = noise(4, bits=16)
    tiff("rgba16.tif", rgba16, photometric="rgb", extrasamples=["unassalpha"])
    tiff("rgba16_premultiplied.tif", rgba16, photometric="rgb", extrasamples=["assocalpha"])
    la = noise(2)
    tiff("grey_alpha.tif", la, photometric="minisblack", extrasamples=["unassalpha"])
    la16 = noise(2, bits=16)
    tiff("grey_alpha16.tif", la16, photometric="minisblack", extrasamples=["unassalpha"],
         pixels=grey(upper(la16[..., 0])))
    tiff("white_is_zero.tif", grey8, photometric="miniswhite")
    tiff("white_is_zero16.tif", grey16, photometric="miniswhite", pixels=grey(255 - upper(grey16)))
    tiff("white_is_zero_alpha.tif", la, photometric="miniswhite", extrasamples=["unassalpha"],
         pixels=grey(255 - la[..., 0]))
    tiff("cmyk.tif", noise(4), photometric="separated")
    cmyk16 = noise(4, bits=16)
    tiff("cmyk16.tif", cmyk16, photometric="separated")
    tiff("cmyk_planar.tif", numpy.moveaxis(noise(4), -1, 0), photometric="separated",
         planarconfig="separate")
    for byteorder, name in (("<", "little"), (">", "big")):
        tiff(f"{name}_endian16.tif", grey16, byteorder=byteorder, photometric="minisblack")
        tiff(f"{name}_endian_rgb.tif", rgb, byteorder=byteorder, photometric="rgb")
        tiff(f"{name}_bigtiff.tif", rgb, byteorder=byteorder, bigtiff=True, photometric="rgb",
             pixels=rgb)
    for compression in (None, "lzw", "zlib"):
        tiff(f"tiles_{compression}.tif", rgb, tile=(16, 16), photometric="rgb",
             compression=compression)
        tiff(f"tiles16_{compression}.tif", grey16, tile=(16, 32), photometric="minisblack",
             compression=compression)
        dark = numpy.zeros((HEIGHT, WIDTH, 3), numpy.uint8)
        dark[:9, :20] = rgb[:9, :20]
        tiff(f"dark_tiles_{compression}.tif", dark, tile=(16, 16), photometric="rgb",
             compression=compression)
        tiff(f"dark_strips_{compression}.tif", dark, rowsperstrip=4, photometric="rgb",
             compression=compression)
        # The decoder cannot read the last tiles of such a file.
        if compression == "lzw":
            continue
        tiff(f"tiles_planar_{compression}.tif", numpy.moveaxis(rgb, -1, 0), tile=(16, 16),
             photometric="rgb", planarconfig="separate", compression=compression, pixels=rgb)
    tiff("strips.tif", rgb, rowsperstrip=5, photometric="rgb", compression="zlib")
    tiff("pages.tif", numpy.stack([rgb, 255 - rgb]), photometric="rgb")
    save("bilevel.tif", Image.fromarray(grey8).convert("1"))
    save("bilevel_fax.tif", Image.fromarray(grey8).convert("1"), compression="group4")
    save("palette.tif", palette)
    save("palette_lzw.tif", few, compression="tiff_lzw")
    for bits in (2, 4):
        levels = noise(bits=bits)
        tiff(f"grey{bits}.tif", levels, bitspersample=bits, photometric="minisblack",
             pixels=grey(levels * (255 // ((1 << bits) - 1))))
    grey32 = noise(bits=32)
    tiff("grey32.tif", grey32, photometric="minisblack", pixels=grey(upper(grey32)))
    # From 0 to 1, with a little beyond.
    floats = RANDOM.uniform(-0.1, 1.1, (HEIGHT, WIDTH, 3)).astype(numpy.float32)
    levels = numpy.floor(numpy.clip(floats, 0, 1) * numpy.float32(255) + 0.5).astype(numpy.uint8)
    tiff("float_rgb.tif", floats, photometric="rgb", pixels=levels)
    tiff("float_grey.tif", floats[..., 0], photometric="minisblack", compression="zlib",
         predictor=3, pixels=grey(levels[..., 0]))
    double = floats[..., 1].astype(numpy.float64)
    tiff("double.tif", double, photometric="minisblack", pixels=grey(levels[..., 1]))
    # JPEGs: another transform than libjpeg's, and of colours another interpolation.
    tiff("jpeg_grey.tif", smooth(3)[..., 0], photometric="minisblack", compression="jpeg",
         tolerance=2)
    tiff("jpeg_rgb.tif", smooth(3), photometric="rgb", compression="jpeg", tolerance=4)
    save("jpeg_ycbcr.tif", Image.fromarray(smooth(3)), compression="jpeg", tolerance=4)

    # WebP.
    lossless = dict(lossless=True, exact=True)
    save("lossless.webp", Image.fromarray(rgb), **lossless)
    save("lossless_alpha.webp", Image.fromarray(rgba), **lossless)
    save("lossy.webp", Image.fromarray(smooth(3)), quality=90)
    alpha = numpy.concatenate([smooth(3), grey8[..., None]], axis=-1)
    save("lossy_alpha.webp", Image.fromarray(alpha), quality=90)
    frames = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]
    save("animated.webp", frames[0], save_all=True, append_images=frames[1:], **lossless)

    # JPEG, through TensorFlow's op: a faster transform than libjpeg's, and CMYK rounded down.
    save("rgb.jpg", Image.fromarray(smooth(3)), quality=95, tolerance=4)
    save("grey.jpg", Image.fromarray(smooth(3)[..., 0]), quality=95, tolerance=4)
    save("cmyk.jpg", Image.fromarray(smooth(4), "CMYK"), quality=95, tolerance=5)
    save("progressive.jpg", Image.fromarray(smooth(3)), quality=95, progressive=True, tolerance=4)

    # The eight orientations, turned by Pillow. It turns a TIFF as soon as it is loaded.
    def turned(name, tolerance=0):
        image = ImageOps.exif_transpose(Image.open(os.path.join(request["dir"], name)))
        add(name, numpy.array(image), tolerance, turned=True)

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif.endian = "<>"[orientation % 2]
        exif[0x0110] = "a camera"
        exif[0x0112] = orientation
        for name, pixels, tolerance, options in (
            ("jpg", smooth(3), 4, dict(quality=95)),
            ("png", rgb, 0, {}),
            ("webp", rgb, 0, lossless),
        ):
            name = f"turned{orientation}.{name}"
            Image.fromarray(pixels).save(os.path.join(request["dir"], name), exif=exif, **options)
            turned(name, tolerance)
        for big in (False, True):
            name = f"turned{orientation}{'big' if big else ''}.tif"
            tifffile.imwrite(
                os.path.join(request["dir"], name), rgb, photometric="rgb", metadata=None,
                bigtiff=big, extratags=[(274, "H", 1, orientation, True)],
            )
            turned(name)
    print(json.dumps(answers))


def write_png(path, levels, bits):
    """A grey PNG of less than 8 bits."""
    import struct
    import zlib

    per_byte = 8 // bits
    rows = b""
    for row in levels:
        row = numpy.pad(row, (0, -len(row) % per_byte)).reshape(-1, per_byte)
        packed = sum(row[:, i].astype(int) << (8 - bits * (i + 1)) for i in range(per_byte))
        rows += b"\0" + packed.astype(numpy.uint8).tobytes()

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


main()
