"""Writes float32.txt: on each line the bits of a float32 and numpy's str of it."""
import numpy as np

rng = np.random.RandomState(20171206)
special = [
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF,
    0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x3F800000, 0xBF800000, 0x4B800000, 0x4B800001,
]
decimals = [
    1e-4, 9.9999e-5, 0.00010001, 1e-5, 1.5e-5, 1e15, 9.999999e15, 1e16, 1.2345678e16, 1e17, 1e-10, 1e10, 123456.0,
    16777216.0, 3.0517578e-05, 0.1, 0.3, 1 / 3.0, 2.0 / 3, 100.0, 1e22, 1e38, 1e-38, 1e-45, 5e-324, 8388608.5, 0.5,
]
bits = list(special) + [int(np.float32(d).view(np.uint32)) for d in decimals]
bits += [int(b) for b in rng.randint(0, 2**32, 200, dtype=np.uint32)]
# Like bottlenecks: around 1, and small ones around the change to scientific notation.
bits += [int(v) for v in rng.normal(0, 3, 150).astype(np.float32).view(np.uint32)]
bits += [int(v) for v in (10.0 ** rng.uniform(-6, -3, 60)).astype(np.float32).view(np.uint32)]
bits += [int(v) for v in (10.0 ** rng.uniform(14, 18, 60)).astype(np.float32).view(np.uint32)]
# Halfway between two shortest decimals: numpy takes the even digit.
ties = (2 * rng.randint(2**9, 2**10, 100) + 1) / 2.0 ** rng.randint(6, 12, 100)
bits += [0x40912000] + [int(v) for v in ties.astype(np.float32).view(np.uint32)]
with open("float32.txt", "w") as out:
    for b in bits:
        out.write("%08x %s\n" % (b, str(np.uint32(b).view(np.float32))))
