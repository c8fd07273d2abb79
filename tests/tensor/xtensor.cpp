// Expressions into a network and outputs as arrays, without a copy where none is promised.
#include <fovea/tensor/xtensor.hpp>

#include <catch2/catch.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "support/fill.hpp"

namespace {

constexpr fovea::tables::inverted_residual_v3 rows[] = {
    {16, 3, 16, 16, true, fovea::activation::relu, 2, 1},
    {16, 3, 40, 24, false, fovea::activation::hardswish, 1, 1}};
constexpr auto tiny =
    fovea::tables::mobilenet_v3_small.with_rows(rows, 32).with_classes(5).with_input(32, 32);
using tiny_model = fovea::classification_model<tiny>;

fovea::state_dict weights_of(fovea::graph_view g) {
    std::vector<fovea::test::named_shape> names;
    fovea::for_each_parameter(g, [&](const fovea::parameter& p) {
        std::vector<std::size_t> shape;
        for (int i = 0; i < p.dims.rank; ++i)
            shape.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        names.push_back({fovea::key_of(g, p).str(), shape});
    });
    fovea::state_dict weights;
    for (auto& t : fovea::test::fill_state_dict(names, {}, ""))
        weights.insert({t.name, fovea::dtype::float32, t.shape, t.values});
    return weights;
}

} // namespace

TEST_CASE("a view becomes an xtensor over the same memory") {
    std::vector<float> numbers{1, 2, 3, 4, 5, 6};
    auto array = fovea::as_xtensor(fovea::view<float, 2>(numbers.data(), {2, 3}));
    CHECK(array(1, 0) == 4);
    array(1, 0) = 40;
    CHECK(numbers[3] == 40);
    CHECK(xt::sum(array)() == 57);
}

TEST_CASE("a photo is an array and comes from an expression") {
    const xt::xtensor<int, 3> pixels = xt::reshape_view(xt::arange<int>(2 * 4 * 3), {2, 4, 3});
    const fovea::image photo = fovea::image_from(pixels * 2);
    CHECK(photo.width == 4);
    CHECK(photo.height == 2);
    CHECK(photo.pixels[23] == 46);
    CHECK(fovea::as_xtensor(photo)(1, 3, 2) == 46);
    CHECK_THROWS_AS(fovea::image_from(xt::zeros<int>({4, 4})), fovea::input_error);
    CHECK_THROWS_WITH(fovea::image_from(xt::zeros<int>({4, 4, 4})),
                      "a photo is an array [height, width, 3]; got 3 axes with 4 channels");
}

TEST_CASE("an NCHW expression goes through a network, whatever its batch and size") {
    fovea::network net(tiny_model::program(), weights_of(tiny_model::graph));
    const auto numbers = fovea::test::fill_input({2, 3, 33, 47});
    const xt::xtensor<float, 4> batch = xt::adapt(numbers, std::array<std::size_t, 4>{2, 3, 33, 47});
    fovea::forward(net, batch * 0.5F + 0.25F);
    const auto both = fovea::output_of(net, 0);
    REQUIRE(both.shape()[0] == 2);
    REQUIRE(both.shape()[1] == 5);
    CHECK(both.data() == net.output(0).data());
    const xt::xtensor<float, 2> kept = both;

    const xt::xtensor<float, 4> second = xt::view(batch, xt::range(1, 2));
    fovea::forward(net, second * 0.5F + 0.25F);
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(fovea::output_of(net, 0)(0, i) == kept(1, i));
    CHECK_THROWS_WITH(fovea::forward(net, xt::zeros<float>({1, 4, 32, 32})),
                      "the network's input is an array [N, 3, H, W]; got 4 axes with 4 channels");
}
