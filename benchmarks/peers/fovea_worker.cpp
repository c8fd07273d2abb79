// fovea with one network, waiting for commands: fovea_worker MODEL FOLDER THREADS. Speaks worker.py's
// language, and answers `macs` with the network's multiply-adds, `peak` with the GFLOP/s of one core's FMA
// units.
#include "../support/fma_peak.hpp"
#include "../support/zoo_programs.hpp"

#include <fovea/fovea.hpp>
#include <fovea/io/npy.hpp>

#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>

namespace {

using namespace fovea;

// [1, C, H, W] as a file has it, to [H, W, C].
std::vector<float> channels_last(const npy_array& image) {
    const std::vector<float> planes = image.values<float>();
    const std::size_t channels = image.shape.at(1), pixels = image.shape.at(2) * image.shape.at(3);
    std::vector<float> interleaved(planes.size());
    for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t p = 0; p < pixels; ++p)
            interleaved[p * channels + c] = planes[c * pixels + p];
    return interleaved;
}

std::string times(network& net, const std::vector<float>& image, int count) {
    std::ostringstream text;
    for (int i = 0; i < count; ++i)
        text << 1e3 * benchmarks::seconds([&] { net.forward(image.data()); }) << ' ';
    return text.str();
}

void write_outputs(const network& net, const std::string& prefix) {
    for (std::size_t i = 0; i < net.program().graph.outputs.size(); ++i)
        write_npy(prefix + std::to_string(i) + ".npy", net.output(i), {net.output(i).size()});
}

void serve(network& net, const std::vector<float>& image) {
    std::cout << FOVEA_VERSION_MAJOR << '.' << FOVEA_VERSION_MINOR << '.' << FOVEA_VERSION_PATCH << ' '
              << arch_name << std::endl;
    for (std::string word, argument; std::cin >> word >> argument;) {
        if (word == "run")
            std::cout << times(net, image, std::stoi(argument)) << std::endl;
        else if (word == "peak")
            std::cout << measured_fma_peak() << std::endl;
        else if (word == "macs")
            std::cout << count_macs(net.program().graph) << std::endl;
        else {
            net.forward(image.data());
            write_outputs(net, argument);
            std::cout << "done" << std::endl;
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: fovea_worker MODEL FOLDER THREADS\n", stderr);
        return 2;
    }
    try {
        const std::string folder = argv[2];
        const named_program model = zoo_programs({argv[1]}).front();
        network net(model.program, read_weights(folder + "/weights.pth"));
        thread_executor threads(std::stoi(argv[3]));
        if (threads.concurrency() > 1)
            net.run_on(threads);
        serve(net, channels_last(read_npy(folder + "/input.npy")));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "fovea_worker: %s\n", e.what());
        return 1;
    }
}
