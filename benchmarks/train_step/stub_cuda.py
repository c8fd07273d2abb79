"""Lets PyPI's torch run on CPUs without the gigabytes of CUDA that it is linked to: stub_cuda.py SITE_PACKAGES

Every CUDA library that the loader would miss becomes a small one in torch/lib: it has the symbols that torch looks for, each a
function that answers "no CUDA-capable device" (100). torch then finds no GPU. No code of the CPU path is touched.
"""
import pathlib
import re
import subprocess
import sys
from collections import defaultdict

PREFIXES = ("cu", "nccl", "nv", "_nv", "__cuda", "Nv")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed_libraries(library):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "-dW", library))


def undefined_symbols(library):
    """[(name, version or "")]"""
    lines = output_of("nm", "-D", "--undefined-only", library).splitlines()
    return [tuple((line.split()[-1] + "@").split("@")[:2]) for line in lines]


def versions_of(library):
    """{version: the library it belongs to}"""
    section, file, found = output_of("readelf", "-VW", library), None, {}
    for is_file, name in re.findall(r"(File|Name): (\S+)", section.partition("Version needs")[2]):
        file, found = (name, found) if is_file == "File" else (file, {**found, name: file})
    return found


def write_stub(path, symbols):
    """symbols: {version: names}; "" for names without one."""
    names = sorted(set().union(*symbols.values())) if symbols else []
    source, script = path.with_suffix(".c"), path.with_suffix(".map")
    source.write_text("".join("int %s(void) { return 100; }\n" % name for name in names))
    versions = ["%s { global: %s };\n" % (version, " ".join(n + ";" for n in sorted(of_version)))
                for version, of_version in symbols.items() if version and of_version]
    script.write_text("".join(versions))
    options = ["-Wl,--version-script=%s" % script] if versions else []
    subprocess.run(["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", "-Wl,-soname," + path.name, *options, "-o", path, source],
                   check=True)
    source.unlink()
    script.unlink()


def main(site_packages):
    folder = pathlib.Path(site_packages) / "torch" / "lib"
    patterns = ("torch/lib/*.so*", "torch/_C*.so", "torchvision/*.so", "torchvision.libs/*.so*")
    libraries = [path for pattern in patterns for path in pathlib.Path(site_packages).glob(pattern)]
    present = {path.name for path in libraries}
    system = set(re.findall(r"^\s+(\S+) \(", output_of("/sbin/ldconfig", "-p"), re.MULTILINE))
    stubs, loose = defaultdict(lambda: defaultdict(set)), set()
    for library in libraries:
        for name in needed_libraries(library):
            if name not in present | system and not name.startswith("ld-linux"):
                stubs[name]  # exists from now on, if only to be found
        owners = versions_of(library)
        for symbol, version in undefined_symbols(library):
            if owners.get(version) in stubs:
                stubs[owners[version]][version].add(symbol)
            elif not version and symbol.startswith(PREFIXES):
                loose.add(symbol)
    if stubs:
        next(iter(stubs.values()))[""] |= loose
    for name, symbols in stubs.items():
        write_stub(folder / name, symbols)
    print("stubs of", ", ".join(sorted(stubs)), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
