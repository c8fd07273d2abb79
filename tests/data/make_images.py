#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/image, small pictures of every kind that fovea reads, and tests/data/io/images.txt, what
Pillow (Debian's) makes of them: file width height fnv1a64-of-the-RGB-bytes.
"""
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

FOLDER = os.path.join(HERE, "..", "fuzz", "corpus", "image")
WIDTH, HEIGHT = 13, 9


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def interlaced_rgb16():
    """Adam7, 16 bits a channel, which Pillow cannot write."""
    rows = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for y in range(y0, HEIGHT, dy):
            pixels = [struct.pack(">HHH", x * 5000, y * 7000, x * y * 600) for x in range(x0, WIDTH, dx)]
            rows += b"\0" + b"".join(pixels) if pixels else b""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 1)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def bitmap(height, bits, data, masks=b""):
    offset = 54 + len(masks)
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, 3 if masks else 0, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + masks + data


def noise(name, count):
    return (streams.stream(name, count) >> np.uint64(56)).astype(np.uint8).tobytes()


def save_all():
    photo = Image.fromarray(streams.scene("corpus", HEIGHT, WIDTH))
    rotated = Image.Exif()
    rotated[0x112] = 6

    def save(name, picture, **options):
        picture.save(os.path.join(FOLDER, name), **options)

    def write(name, data):
        with open(os.path.join(FOLDER, name), "wb") as out:
            out.write(data)

    save("baseline.jpg", photo, quality=60, exif=rotated)
    save("progressive.jpg", photo, quality=60, progressive=True, subsampling=0)
    save("gray.jpg", photo.convert("L"))
    save("cmyk.jpg", photo.convert("CMYK"), quality=50)
    save("rgb.png", photo, exif=rotated)
    save("rgba.png", photo.convert("RGBA"))
    save("gray_alpha.png", photo.convert("LA"))
    save("palette.png", photo.quantize(5), transparency=2)
    save("bits.png", photo.convert("1"))
    write("interlaced_rgb16.png", interlaced_rgb16())
    save("24.bmp", photo)
    save("8.bmp", photo.quantize(5))
    save("1.bmp", photo.convert("1"))
    write("4.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 118) +
          struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 4, 0, 0, 0, 0, 0, 0) + noise("4", 64 + 8 * HEIGHT))
    write("16.bmp", bitmap(HEIGHT, 16, noise("16", 28 * HEIGHT)))
    write("565.bmp", bitmap(HEIGHT, 16, noise("565", 28 * HEIGHT), struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
    write("32.bmp", bitmap(HEIGHT, 32, noise("32", 52 * HEIGHT)))
    write("top_down.bmp", bitmap(-HEIGHT, 24, noise("top", 40 * HEIGHT)))
    save("p6.ppm", photo)
    save("p5.pgm", photo.convert("L"))
    write("p5_max100.pgm", b"P5\n# a comment\n13 9 100\n" + noise("100", WIDTH * HEIGHT))
    write("p6_max1000.ppm", b"P6 13 9\n1000 " + noise("1000", 6 * WIDTH * HEIGHT))


def list_all():
    with open(os.path.join(HERE, "io", "images.txt"), "w") as out:
        for name in sorted(os.listdir(FOLDER)):
            with Image.open(os.path.join(FOLDER, name)) as picture:
                rgb = ImageOps.exif_transpose(picture).convert("RGB")
            out.write("%s %d %d %016x\n" % (name, *rgb.size, streams.fnv1a64_bytes(rgb.tobytes())))


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for old in os.listdir(FOLDER):
        os.remove(os.path.join(FOLDER, old))
    save_all()
    list_all()
