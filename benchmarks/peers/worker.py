"""One engine with one network, waiting for commands: worker.py ENGINE FOLDER THREADS

Standard input: `run N` answers with the N times of a forward pass in ms; `outputs PREFIX` writes PREFIX0.npy, ...; end of file
ends it. The first line it prints is the engine's version. fovea_worker.cpp speaks the same language.
"""
import os
import pathlib
import sys
import time

import numpy


def onnxruntime(folder, threads, image):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(str(folder / "network.onnx"), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_cpu_input("image", image)
    for output in session.get_outputs():
        binding.bind_output(output.name)
    run = lambda: session.run_with_iobinding(binding)
    return ort.__version__, run, binding.copy_outputs_to_cpu


def openvino(folder, threads, image):
    import openvino as ov

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": "1",
                "INFERENCE_PRECISION_HINT": "f32"}
    core = ov.Core()
    request = core.compile_model(core.read_model(str(folder / "network.onnx")), "CPU", settings).create_infer_request()
    request.set_input_tensor(ov.Tensor(image, shared_memory=True))
    outputs = lambda: [request.get_output_tensor(i).data for i in range(len(request.model_outputs))]
    return ov.__version__.split("-")[0], request.infer, outputs


def ncnn(folder, threads, image):
    import ncnn as library

    net = library.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    net.load_param(str(folder / "network.ncnn.param"))
    net.load_model(str(folder / "network.ncnn.bin"))
    names = sorted(name for name in net.output_names())
    mat = library.Mat(image[0]).clone()

    def extract():
        extractor = net.create_extractor()
        extractor.input("in0", mat)
        return [extractor.extract(name)[1] for name in names]

    return library.__version__, extract, lambda: [numpy.array(m) for m in extract()]


def torch_eager(folder, threads, image):
    import torch

    import networks

    torch.set_num_threads(threads)
    network, _ = networks.make(folder.name)
    image = torch.from_numpy(image)

    def forward():
        with torch.inference_mode():
            return network(image)

    def outputs():
        result = forward()
        return [t.numpy() for t in (result if isinstance(result, tuple) else (result,))]

    return torch.__version__, forward, outputs


def litert(folder, threads, image):
    import ai_edge_litert
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(folder / "network.tflite"), num_threads=threads)  # XNNPACK is its default delegate
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], numpy.ascontiguousarray(image.transpose(0, 2, 3, 1)))
    outputs = lambda: [network.get_tensor(o["index"]) for o in network.get_output_details()]
    return ai_edge_litert.__version__, network.invoke, outputs


ENGINES = {f.__name__: f for f in (onnxruntime, openvino, ncnn, litert, torch_eager)}


def answer(command, run, outputs):
    """The answer to one line of standard input."""
    word, argument = command.split()
    if word == "outputs":
        run()
        for i, value in enumerate(outputs()):
            numpy.save(f"{argument}{i}.npy", numpy.asarray(value))
        return "done"
    times = []
    for _ in range(int(argument)):
        begin = time.perf_counter()
        run()
        times.append(f"{(time.perf_counter() - begin) * 1e3:.5f}")
    return " ".join(times)


def main(engine, folder, threads):
    out = os.fdopen(os.dup(1), "w")  # engines that print do not disturb the answers
    os.dup2(2, 1)
    folder = pathlib.Path(folder)
    image = numpy.load(folder / "input.npy")  # engines read it where it is
    version, run, outputs = ENGINES[engine](folder, int(threads), image)
    print(version, file=out, flush=True)
    for command in sys.stdin:
        print(answer(command, run, outputs), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
