"""What fovea costs to compile: CPU seconds and peak memory of the compiler, size of the stripped program, as a Markdown table.

    python3 benchmarks/compile_time/compile_time.py [--compilers g++ clang++]
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = {"baseline": [], "AVX2": ["-mavx2", "-mfma"], "native": ["-march=native"]}
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
    """The tables that the zoo lists, in its order."""
    text = (ROOT / "include/fovea/models/zoo.hpp").read_text()
    return re.findall(r"zoo_entry<tables::(\w+)>", text)


def run(command):
    """(CPU seconds, peak MB) of a command; None and its last words when it fails"""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        process = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(write_end, f"{process.returncode} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}".encode())
        if process.returncode:
            os.write(2, process.stderr[-2000:].encode())
        os._exit(0)
    os.waitpid(child, 0)
    status, seconds, megabytes = os.read(read_end, 200).decode().split()
    os.close(read_end), os.close(write_end)
    return (float(seconds), float(megabytes)) if status == "0" else None


def measure(compiler, source, flags, folder, libraries):
    """One line's cells: seconds, MB, kB of the stripped program."""
    program = folder / "program"
    command = [compiler, "-std=c++17", "-O2", *flags, f"-I{ROOT / 'include'}", str(source)]
    compiled = run([*command, "-c", "-o", str(folder / "object.o")])
    if compiled is None:
        return ["fails", "", ""]
    subprocess.run([compiler, str(folder / "object.o"), "-s", "-o", str(program), *libraries, "-pthread"], check=True)
    return [f"{compiled[0]:.1f}", f"{compiled[1]:.0f}", f"{program.stat().st_size / 1000:.0f}"]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compilers", nargs="+", default=["g++", "clang++"])
    compilers = [c for c in parser.parse_args().compilers if shutil.which(c)]
    for compiler in compilers:
        print(subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
    print(f"-std=c++17 -O2, default limits; {processor()}; load average {os.getloadavg()[0]:.1f}\n")
    print("| compiled | flags | " + " | ".join(f"{c}: s | MB | stripped kB" for c in compilers) + " |")
    print("|---|---|" + "---|---|---|" * len(compilers))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for title, source, flag_names, libraries in sources(folder):
            for flags in flag_names:
                cells = [cell for c in compilers for cell in measure(c, source, FLAGS[flags], folder, libraries)]
                print(f"| {title} | {flags} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
