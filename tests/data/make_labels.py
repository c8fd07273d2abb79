#!/usr/bin/python3
"""Writes include/fovea/io/labels_{coco,imagenet}.hpp from the category lists that torchvision's weights carry."""
import os

from torchvision.models._meta import _COCO_CATEGORIES, _IMAGENET_CATEGORIES

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "fovea", "io")


def write(name, what, names):
    lines, line = [], "   "
    for n in names:
        item = ' "%s",' % n.replace('"', '\\"')
        if len(line) + len(item) > 110:
            lines.append(line)
            line = "   "
        line += item
    lines.append(line)
    with open(os.path.join(ROOT, "labels_%s.hpp" % name), "w") as f:
        f.write("// %s Written by tests/data/make_labels.py.\n#pragma once\n\n#include <string_view>\n\n"
                "namespace fovea {\n\n// clang-format off\ninline constexpr std::string_view %s_labels[] = {\n%s\n};\n"
                "// clang-format on\n\n} // namespace fovea\n" % (what, name, "\n".join(lines)))


write("coco", "The 91 COCO categories by id, 0 being the background and \"N/A\" an id that was never used.", _COCO_CATEGORIES)
write("imagenet", "The 1000 ImageNet-1k categories in the order of torchvision's classifiers.", _IMAGENET_CATEGORIES)
