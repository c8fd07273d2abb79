#!/usr/bin/env python3
"""Writes tests/data/train_data: what torchvision (Debian's) makes of pictures, and small data sets to read.

colors.json  functional color changes of float tensors, (3, H, W)
windows.json crops, paddings and resizes of pictures, (3, H, W)
voc/         three photos with Pascal VOC's annotations, good and bad boxes
coco.json    the same in COCO's format, with a crowd
folder/      photos in a folder for each class
"""
import os
import sys

import torch
import torchvision
from PIL import Image
from torchvision.transforms import functional as TF

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

FOLDER = os.path.join(HERE, "train_data")


def write(name, outputs):
    streams.write_manifest(os.path.join(FOLDER, name + ".json"),
                           {"case": name, "reference": "torchvision " + torchvision.__version__, "outputs": outputs})


def picture(name, height, width):
    """A scene whose first row is gray and whose second has the corners of the color cube."""
    pixels = streams.scene(name, height, width)
    for x in range(width):
        pixels[0, x] = 255 * x // (width - 1)
        pixels[1, x] = [255 * (x >> c & 1) for c in range(3)]
    return pixels


def as_tensor(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1)


def colors():
    image = as_tensor(picture("colors", 13, 19)).float() / 255  # 247 pixels: no multiple of a vector
    outputs = []
    for name, factors in (("brightness", (0, 0.5, 0.875, 1, 1.125, 3)), ("contrast", (0, 0.5, 1, 1.5, 4)),
                          ("saturation", (0, 0.5, 1, 1.5, 4)), ("hue", (-0.5, -0.05, 0, 0.05, 0.3, 0.5))):
        for factor in factors:
            outputs.append(streams.record("%s_%g" % (name, factor),
                                          getattr(TF, "adjust_" + name)(image, factor), samples=120))
    jittered = TF.adjust_hue(TF.adjust_saturation(TF.adjust_contrast(TF.adjust_brightness(image, 1.2), 0.7), 1.4), 0.02)
    outputs.append(streams.record("all", jittered[[2, 0, 1]], samples=120))
    write("colors", outputs)


def windows():
    pixels = streams.scene("windows", 31, 44)
    image = as_tensor(pixels)
    half = [0.5] * 3
    outputs = []

    def resized(tensor):
        return TF.normalize(TF.resize(tensor.float() / 255, [20, 24]), half, half)

    outputs.append(streams.record("crop", resized(TF.crop(image, 3, 5, 17, 30))))
    fill = torch.tensor([123, 117, 104], dtype=torch.uint8).view(3, 1, 1)
    canvas = fill.expand(3, 50, 60).clone()
    canvas[:, 7:7 + 31, 4:4 + 44] = image
    outputs.append(streams.record("zoom_out", resized(canvas)))
    outputs.append(streams.record("crop_of_canvas", resized(TF.crop(canvas, 2, 10, 33, 50))))
    bright = TF.adjust_brightness(TF.resize(image.float() / 255, [20, 24]), 1.25)
    outputs.append(streams.record("colored", TF.normalize(TF.adjust_saturation(bright, 0.5), half, half)))
    pil = Image.fromarray(pixels)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    for name, mode in (("bilinear", TF.InterpolationMode.BILINEAR), ("bicubic", TF.InterpolationMode.BICUBIC)):
        crop = TF.to_tensor(TF.resized_crop(pil, 4, 6, 21, 33, [16, 18], mode))
        outputs.append(streams.record("classify_" + name, TF.normalize(TF.hflip(crop), mean, std)))
    write("windows", outputs)


XML = """<annotation>
\t<folder>JPEGImages</folder>
\t<filename>%s</filename>
\t<size>
\t\t<width>%d</width>
\t\t<height>%d</height>
\t\t<depth>3</depth>
\t</size>
%s</annotation>
"""
OBJECT = """\t<object>
\t\t<name>%s</name>
\t\t<difficult>%d</difficult>
\t\t<bndbox>
\t\t\t<xmin>%s</xmin>
\t\t\t<ymin>%s</ymin>
\t\t\t<xmax>%s</xmax>
\t\t\t<ymax>%s</ymax>
\t\t</bndbox>
\t</object>
"""
# file, (width, height), objects: name, difficult, box
PHOTOS = [
    ("first.jpg", (40, 30), [("dog", 0, (2, 3, 20, 25)), ("cat", 1, (10.5, 1, 39, 28.25)), ("dog", 0, (7, 7, 7, 7))]),
    ("second.png", (24, 32), [("cat", 0, (-3, 4, 30, 20)), ("dog", 0, (23.5, 4, 40, 20)), ("cat", 0, ("nan", 1, 5, 6)),
                              ("dog", 0, (0.5, 0.25, 24.25, 32))]),
    ("third.png", (36, 20), []),
]


def data_sets():
    voc = os.path.join(FOLDER, "voc")
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        os.makedirs(os.path.join(voc, folder), exist_ok=True)
    for file, (width, height), objects in PHOTOS:
        stem = file.split(".")[0]
        Image.fromarray(streams.scene(stem, height, width)).save(os.path.join(voc, "JPEGImages", file))
        text = "".join(OBJECT % (name, difficult, *box) for name, difficult, box in objects)
        with open(os.path.join(voc, "Annotations", stem + ".xml"), "w") as out:
            out.write(XML % (file, width, height, text))
    for split, names in (("train", "first\nsecond\nfirst\n"), ("val", "third  1\r\n")):
        with open(os.path.join(voc, "ImageSets", "Main", split + ".txt"), "w") as out:
            out.write(names)
    coco = {"images": [], "categories": [{"id": 3, "name": "cat"}, {"id": 1, "name": "dog"}], "annotations": []}
    for image_id, (file, (width, height), objects) in enumerate(PHOTOS, 7):
        coco["images"].append({"id": image_id, "file_name": file, "width": width, "height": height})
        for name, _, box in objects:
            if "nan" in box:
                continue
            size = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            coco["annotations"].append({"id": len(coco["annotations"]) + 1, "image_id": image_id,
                                        "category_id": {"cat": 3, "dog": 1}[name], "bbox": size, "area": 12.5,
                                        "iscrowd": int(box[0] == 2)})
    streams.write_manifest(os.path.join(FOLDER, "coco.json"), coco)
    for name in ("ant/one.png", "ant/deeper/two.PNG", "bee/three.jpg"):
        path = os.path.join(FOLDER, "folder", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Image.fromarray(streams.scene(name, 26, 34)).save(path)
    with open(os.path.join(FOLDER, "folder", "bee", "notes.txt"), "w") as out:
        out.write("no photo\n")


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    colors()
    windows()
    data_sets()
