"""What fovea costs to compile: CPU seconds and peak memory of the compiler, size of the stripped program, as a Markdown table.

    python3 benchmarks/compile_time/compile_time.py [--compilers g++ clang++] [--check]

--check compiles examples/detect.cpp only, for SSDLite and for EfficientDets, and exits with 1 when one breaks a budget or does not compile.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = {"baseline": [], "AVX2": ["-mavx2", "-mfma"], "native": ["-march=native"]}
# CPU seconds and MB for examples/detect.cpp with each of these models; clang++ is to compile it at its default limits.
BUDGETS = {"ssdlite320_mobilenet_v3_large": {"g++": (20.0, 1500.0)}, "efficientdet_d0": {"g++": (20.0, 1500.0)},
           "efficientdet_d7x": {"g++": (40.0, 2000.0), "clang++": (40.0, 2000.0)}}
SAMPLES = {"efficientnet_b": "07", "efficientnet_lite": "0", "efficientdet_d": ["0", "7x"], "tf_efficientdet_d": []}  # of the large families
IMAGE_LIBRARIES = ["-ljpeg", "-lpng", "-lexif"]

ONE_MODEL = """#include <fovea/fovea.hpp>
int main(int, char** argv) {{
    using table_model = fovea::model<fovea::tables::{table}>;
    fovea::network net(table_model::program(), fovea::read_weights(argv[1]));
    static float image[table_model::graph[0].out.size()];
    net.forward(image);
    return net.output(0)[0] > 0;
}}
"""


def zoo_tables():
    """The tables that the zoo lists, in its order; of large families some."""
    text = (ROOT / "include/fovea/models/zoo.hpp").read_text()
    sampled = lambda table: all(table.removeprefix(family) in numbers for family, numbers in SAMPLES.items()
                                if table.startswith(family))
    return list(filter(sampled, re.findall(r"zoo_entry<tables::(\w+)>", text)))


class Cost(typing.NamedTuple):
    seconds: float  # of all the compiler's processes
    megabytes: float  # of the largest
    kilobytes: float  # of the stripped program

    def cells(self):
        return [f"{self.seconds:.1f}", f"{self.megabytes:.0f}", f"{self.kilobytes:.0f}"]


def measure(compiler, source, flags, folder, libraries):
    """The Cost of a program, None when it does not compile."""
    object_file, program = folder / "object.o", folder / "program"
    compilation = subprocess.Popen([compiler, "-std=c++17", "-O2", *flags, f"-I{ROOT / 'include'}", "-c", str(source), "-o",
                                    str(object_file)])
    _, status, used = os.wait4(compilation.pid, 0)
    if status:
        return None
    subprocess.run([compiler, str(object_file), "-s", "-o", str(program), *libraries, "-pthread"], check=True)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, program.stat().st_size / 1000)


def within(budget, cost):
    return cost is not None and (budget is None or (cost.seconds <= budget[0] and cost.megabytes <= budget[1]))


def detect_program(model, folder):
    """examples/detect.cpp with another model."""
    text = (ROOT / "examples/detect.cpp").read_text()
    default = next(iter(BUDGETS)) + "<>"
    assert default in text
    file = folder / f"detect_{model}.cpp"
    file.write_text(text.replace(default, model + "<>"))
    return file


def check(compilers, folder):
    """Whether examples/detect.cpp keeps within the budgets, said line by line."""
    kept = True
    for model, budgets in BUDGETS.items():
        source = detect_program(model, folder)
        for compiler in compilers:
            for name, flags in FLAGS.items():
                compile_once = lambda: measure(compiler, source, flags, folder, IMAGE_LIBRARIES)
                budget, cost = budgets.get(compiler), compile_once()
                if cost and not within(budget, cost):
                    cost = min(cost, compile_once())  # other load makes caches cold and seconds long
                good = within(budget, cost)
                kept = kept and good
                found = "does not compile" if cost is None else "{} s, {} MB, {} kB stripped".format(*cost.cells())
                limit = "" if budget is None else f"; budget {budget[0]:.0f} s, {budget[1]:.0f} MB"
                print(f"{'ok' if good else 'BROKEN'}: examples/detect.cpp, {model}, {compiler}, {name}: {found}{limit}", flush=True)
    return kept


def sources(folder):
    """(name, file, flag names, libraries) of everything to compile"""
    include_only = folder / "include_only.cpp"
    include_only.write_text("#include <fovea/fovea.hpp>\nint main() {}\n")
    yield "examples/detect.cpp", ROOT / "examples/detect.cpp", list(FLAGS), IMAGE_LIBRARIES
    yield "`#include <fovea/fovea.hpp>` alone", include_only, ["native"], []
    for table in zoo_tables():
        file = folder / f"{table}.cpp"
        file.write_text(ONE_MODEL.format(table=table))
        yield f"{table}, network only", file, ["native"], []


def processor():
    facts = pathlib.Path("/proc/cpuinfo").read_text()
    fact = lambda name: re.search(rf"^{name}\s*:\s*(.*)$", facts, re.MULTILINE).group(1)
    return f"{fact('model name')} (family {fact('cpu family')} model {fact('model')})"


def print_table(compilers, folder):
    for compiler in compilers:
        print(subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
    print(f"-std=c++17 -O2, default limits; {processor()}; load average {os.getloadavg()[0]:.1f}\n")
    print("| compiled | flags | " + " | ".join(f"{c}: s | MB | stripped kB" for c in compilers) + " |")
    print("|---|---|" + "---|---|---|" * len(compilers))
    for title, source, flag_names, libraries in sources(folder):
        for flags in flag_names:
            costs = [measure(c, source, FLAGS[flags], folder, libraries) for c in compilers]
            cells = [cell for cost in costs for cell in (cost.cells() if cost else ["fails", "", ""])]
            print(f"| {title} | {flags} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compilers", nargs="+", default=["g++", "clang++"])
    parser.add_argument("--check", action="store_true", help="compare with the budgets")
    arguments = parser.parse_args()
    compilers = [c for c in arguments.compilers if shutil.which(c)]
    with tempfile.TemporaryDirectory() as name:
        if not arguments.check:
            print_table(compilers, pathlib.Path(name))
        elif not check(compilers, pathlib.Path(name)):
            sys.exit(1)


if __name__ == "__main__":
    main()
