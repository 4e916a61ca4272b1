"""Makes the images beside this file, and means.json: each image's mean colour as Pillow decodes it
(first frame, without alpha). Run with Pillow 13.0: python make.py"""
import io, json, os
from PIL import Image, ImageStat

os.chdir(os.path.dirname(os.path.abspath(__file__)))
W, H = 24, 16
rgb = Image.new("RGB", (W, H))
rgb.putdata([(8 * x + 40, 10 * y + 30, 200 - 4 * x - 4 * y) for y in range(H) for x in range(W)])
other = rgb.point(lambda v: 255 - v)
rgb.save("baseline.jpg", quality=85)
rgb.save("progressive.jpg", quality=85, progressive=True)
rgb.convert("L").save("grey.jpg", quality=85)
rgb.convert("CMYK").save("cmyk.jpg", quality=85)
cmyk = bytearray(open("cmyk.jpg", "rb").read())
at = cmyk.index(b"Adobe") + 11
assert cmyk[at] == 0
cmyk[at] = 2  # The same numbers read as YCCK: other colours, but a valid file.
open("ycck.jpg", "wb").write(cmyk)
rgb.save("rgb.png")
rgba = rgb.copy(); rgba.putalpha(255); rgba.save("alpha.png")
rgb.quantize(64).save("palette.png")
Image.frombytes("I;16", (W, H), b"".join(((2 * x + 3 * y) * 600).to_bytes(2, "little") for y in range(H) for x in range(W))).save("grey16.png")
few = rgb.quantize(64)
few.save("still.gif")
few.save("animated.gif", save_all=True, append_images=[other.quantize(64)] * 3, duration=50)
rgb.save("24.bmp")
rgba.save("32.bmp")

means = {}
for name in sorted(os.listdir(".")):
    if name.endswith((".py", ".json")):
        continue
    image = Image.open(name)
    if name == "grey16.png":
        # Eight bits as libpng makes them: the upper byte.
        mean = sum(v >> 8 for v in image.getdata()) / (W * H)
        means[name] = [mean] * 3
    else:
        means[name] = ImageStat.Stat(image.convert("RGB")).mean
json.dump(means, open("means.json", "w"), indent=1)
