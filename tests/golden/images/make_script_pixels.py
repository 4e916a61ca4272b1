"""Makes script_pixels.json: how label_image.py's ops (decode_jpeg and decode_png with three
channels, decode_gif, decode_bmp) decode the images beside this file and small ones made here, or
their errors.

Run with TensorFlow 1.15.5: python make_script_pixels.py

Each case has "file" (the bytes in hex, unless the file is beside this one), and either "shape" and
"pixels" (in hex) of the op's first frame, or "error".
"""
import json
import os
import struct
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow.compat.v1 as tf

os.chdir(os.path.dirname(os.path.abspath(__file__)))
W, H = 7, 5
COLOURS = [(200, 50, 50), (0, 0, 255), (10, 220, 30), (250, 240, 5)]
OTHERS = [(1, 2, 3), (90, 80, 70), (160, 10, 200), (255, 255, 255)]


# GIF
def lzw(indices, bits):
    """Encodes without compression: a clear code comes before codes would get longer."""
    clear, code_size, room = 1 << bits, bits + 1, (1 << bits) - 3
    codes = [clear]
    for i, index in enumerate(indices):
        if i and i % max(1, room) == 0:
            codes.append(clear)
        codes.append(index)
    number = sum(code << (i * code_size) for i, code in enumerate(codes + [clear + 1]))
    data = number.to_bytes((len(codes) * code_size + code_size + 7) // 8, "little")
    blocks = [data[i:i + 255] for i in range(0, len(data), 255)]
    return bytes([bits]) + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def screen(width=W, height=H, colours=COLOURS, background=0, version=b"GIF89a"):
    flags = 0xF1 if colours else 0x70
    return version + struct.pack("<HHBBB", width, height, flags, background, 0) + palette(colours)


def palette(colours):
    return b"".join(bytes(c) for c in colours or [])


def control(transparent=None, disposal=0):
    flags = disposal << 2 | (transparent is not None)
    return b"\x21\xf9\x04" + struct.pack("<BHB", flags, 5, transparent or 0) + b"\0"


def frame(indices, x=0, y=0, width=W, height=H, colours=None, interlaced=False, bits=2):
    if interlaced:
        order = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]
        indices = [i for row in order for i in indices[row * width:(row + 1) * width]]
    flags = (0x81 if colours else 0) | (0x40 if interlaced else 0)
    return b"\x2c" + struct.pack("<HHHHB", x, y, width, height, flags) + palette(colours) + lzw(indices, bits)


COMMENT, LOOP = b"\x21\xfe\x05hello\0", b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
ONE = [(x * 3 + y * 2 + (x * y) % 3) % 4 for y in range(H) for x in range(W)]
TWO = [(x + y) % 4 for y in range(H) for x in range(W)]
SMALL = dict(indices=[(x + 2 * y) % 4 for y in range(3) for x in range(4)], width=4, height=3)

GIFS = {
    "opaque": screen() + frame(ONE),
    "87a": screen(version=b"GIF87a") + frame(ONE),
    "transparent": screen() + control(0) + frame(ONE),
    "transparent, background": screen(background=3) + control(1) + frame(ONE),
    "transparent, interlaced": screen() + control(2) + frame(ONE, interlaced=True),
    "transparent, local palette": screen() + control(1) + frame(ONE, colours=OTHERS),
    "transparent, local palette alone": screen(colours=None) + control(3) + frame(ONE, colours=OTHERS),
    "transparent among other extensions": screen() + LOOP + COMMENT + control(3) + COMMENT + frame(ONE),
    "two controls": screen() + control(1) + control() + frame(ONE),
    "interlaced": screen() + frame(ONE, interlaced=True),
    "local palette": screen() + frame(ONE, colours=OTHERS),
    "animated": screen() + LOOP + control() + frame(ONE) + control() + frame(TWO),
    "animated, transparent": screen() + LOOP + control(0, 1) + frame(ONE) + control(1, 1) + frame(TWO),
    "animated, restored to background": screen() + control(0, 2) + frame(ONE) + control(0, 2) + frame(TWO),
    "animated, restored to previous": screen() + control(1, 3) + frame(ONE) + control(0, 3) + frame(TWO),
    "animated, later frame smaller": screen() + control(0) + frame(ONE) + control() + frame(x=2, y=1, **SMALL),
    "smaller than the screen": screen() + frame(**SMALL),
    "larger than the screen": screen(4, 3) + frame(ONE),
    "at an offset": screen() + frame(x=2, y=1, **SMALL),
    "at an offset, transparent": screen() + control(0) + frame(x=3, y=2, **SMALL),
    "beyond the screen": screen() + frame(x=6, y=4, **SMALL),
    "animated, first frame smaller": screen() + control() + frame(**SMALL) + control() + frame(ONE),
    "no palette": screen(colours=None) + frame(ONE),
    "colour beyond the palette": screen(colours=None) + frame([7 - i for i in ONE], colours=OTHERS, bits=3),
}


# BMP
def bmp(bits, data, height=H, compression=0, palette=b"", header=40, extra=b""):
    info = struct.pack("<IiiHHIIiiII", header, W, height, 1, bits, compression, len(data), 2835, 2835, 0, 0)
    start = 14 + len(info) + len(extra) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + extra + palette + data


def rows(bytes_each):
    row = lambda y: bytes((x * 37 + y * 91) % 256 for x in range(W * bytes_each))
    return b"".join(row(y) + bytes(-W * bytes_each % 4) for y in range(H))


def masks(*order):
    return struct.pack("<III", *[0xFF << 8 * place for place in order])


MASKS = masks(2, 1, 0)
BMPS = {
    "24 bits": bmp(24, rows(3)),
    "24 bits from top to bottom": bmp(24, rows(3), height=-H),
    "32 bits": bmp(32, rows(4)),
    "32 bits from top to bottom": bmp(32, rows(4), height=-H),
    "24 bits, fifth header": bmp(24, rows(3), header=124, extra=bytes(84)),
    "24 bits and two more bytes": bmp(24, rows(3) + b"\0\0"),
    "32 bits and a profile": bmp(32, rows(4) + bytes(range(200)), header=124, extra=bytes(84)),
    "24 bits without the last padding": bmp(24, rows(3)[:-3]),
    "24 bits without the last pixel": bmp(24, rows(3)[:-4]),
    "32 bits with masks": bmp(32, rows(4), compression=3, extra=MASKS),
    "32 bits with masks in a fourth header": bmp(32, rows(4), compression=3, header=108, extra=MASKS + bytes(56)),
    "32 bits with masks of another order": bmp(32, rows(4), compression=3, extra=masks(0, 1, 2)),
    "16 bits": bmp(16, rows(2)),
    "8 bits": bmp(8, rows(1), palette=bytes(range(256)) * 4),
    "8 bits, compressed": bmp(8, b"\7\1\0\0" * H + b"\0\1", palette=bytes(1024), compression=1),
    "OS/2": b"BM" + struct.pack("<IHHI", 26 + H * 24, 0, 0, 26) + struct.pack("<IHHHH", 12, W, H, 1, 24) + rows(3),
}


# PNG
def png(bits, kind, samples, chunks=b""):
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    size = (W * samples * bits + 7) // 8
    data = b"".join(b"\0" + bytes((x * 53 + y * 17) % 256 for x in range(size)) for y in range(H))
    extra = b"".join(chunk(name, content) for name, content in chunks)
    header = struct.pack(">IIBBBBB", W, H, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


PALETTE = (b"PLTE", bytes((i * 7) % 256 for i in range(16 * 3)))
PNGS = {
    "grey": png(8, 0, 1),
    "grey of 2 bits": png(2, 0, 1),
    "grey of 16 bits": png(16, 0, 1),
    "grey, transparent": png(8, 0, 1, [(b"tRNS", b"\0\x35")]),
    "grey with alpha": png(8, 4, 2),
    "grey with alpha of 16 bits": png(16, 4, 2),
    "colour of 16 bits": png(16, 2, 3),
    "colour, transparent": png(8, 2, 3, [(b"tRNS", b"\0\0\0\x35\0\x6a")]),
    "alpha": png(8, 6, 4, [(b"bKGD", b"\0\xff\0\0\0\0")]),
    "alpha of 16 bits": png(16, 6, 4),
    "palette of 4 bits": png(4, 3, 1, [PALETTE]),
    "palette, transparent": png(4, 3, 1, [PALETTE, (b"tRNS", bytes(range(0, 256, 16)))]),
}

data = tf.placeholder(tf.string)
OPS = {
    "jpg": tf.image.decode_jpeg(data, channels=3),
    "png": tf.image.decode_png(data, channels=3),
    "gif": tf.image.decode_gif(data),
    "bmp": tf.image.decode_bmp(data),
}


def case(kind, name, content, beside):
    answer = {"name": name} if beside else {"name": name, "file": content.hex()}
    try:
        # A new session each time, because this TensorFlow's decode_bmp remembers the number of channels
        # of its first file.
        with tf.Session() as session:
            pixels = session.run(OPS[kind], {data: content})
    except tf.errors.InvalidArgumentError as e:
        return dict(answer, error=e.message.split("\n")[0])
    image = pixels[0] if kind == "gif" else pixels
    return dict(answer, shape=image.shape, pixels=image.tobytes().hex())


cases = []
for name in sorted(os.listdir(".")):
    kind = name.rsplit(".", 1)[-1]
    if kind in OPS:
        cases.append(case(kind, name, open(name, "rb").read(), beside=True))
for kind, files, end in (("gif", GIFS, b"\x3b"), ("bmp", BMPS, b""), ("png", PNGS, b"")):
    cases += [case(kind, "%s: %s" % (kind, name), files[name] + end, beside=False) for name in files]
with open("script_pixels.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
