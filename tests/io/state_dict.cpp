// The state_dict container and the prefixes that training wrappers leave.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include <fovea/io/state_dict.hpp>

#include "hostile_bytes.hpp"

namespace {

fovea::state_dict with_names(const std::vector<std::string>& names) {
    fovea::state_dict weights;
    for (const std::string& name : names)
        weights.insert({name, fovea::dtype::float32, {2}, {1, 2}});
    return weights;
}

std::vector<std::string> names_of(const fovea::state_dict& weights) {
    std::vector<std::string> names;
    for (const fovea::tensor& entry : weights)
        names.push_back(entry.name);
    return names;
}

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("entries keep their order and are found by name") {
    const fovea::state_dict weights = with_names({"b", "a", "c"});
    CHECK(weights.size() == 3);
    CHECK(names_of(weights) == strings{"b", "a", "c"});
    CHECK(weights.find("a")->name == "a");
    CHECK(weights.find("d") == nullptr);
    CHECK(weights.contains("c"));
    CHECK(weights.at("b").values == std::vector<float>{1, 2});
    CHECK_THROWS_AS(weights.at("d"), fovea::weights_error);
}

TEST_CASE("an entry needs a new name and as many values as its shape says") {
    fovea::state_dict weights = with_names({"a"});
    CHECK_THROWS_AS(weights.insert({"a", fovea::dtype::float32, {}, {1}}), fovea::format_error);
    CHECK_THROWS_AS(weights.insert({"b", fovea::dtype::float32, {2, 3}, {1, 2}}), fovea::input_error);
    CHECK_THROWS_AS(weights.insert({"b", fovea::dtype::float32, {SIZE_MAX, 3}, {1, 2}}), fovea::input_error);
    CHECK_NOTHROW(weights.insert({"b", fovea::dtype::int64, {}, {1}}));
    CHECK_NOTHROW(weights.insert({"empty", fovea::dtype::float32, {0, 3}, {}}));
    CHECK(weights.size() == 3);
}

TEST_CASE("a given prefix selects and is cut off") {
    CHECK(names_of(fovea::without_prefix(with_names({"net.a", "head.b", "net.c"}), "net.")) ==
          strings{"a", "c"});
    CHECK(fovea::without_prefix(with_names({"a"}), "net.").empty());
}

TEST_CASE("wrapper prefixes go only when all names carry them") {
    CHECK(names_of(fovea::without_wrapper_prefixes(with_names({"module.a", "module.b"}))) ==
          strings{"a", "b"});
    CHECK(names_of(fovea::without_wrapper_prefixes(with_names({"module.model.a", "module.model.b"}))) ==
          strings{"a", "b"});
    CHECK(names_of(fovea::without_wrapper_prefixes(with_names({"module.a", "b"}))) ==
          strings{"module.a", "b"});
    CHECK(names_of(fovea::without_wrapper_prefixes(with_names({"n_averaged", "module.a"}))) == strings{"a"});
    CHECK(names_of(fovea::without_wrapper_prefixes(with_names({"n_averaged"}))) == strings{"n_averaged"});
}

TEST_CASE("element counts never overflow") {
    using fovea::detail::element_count;
    CHECK(element_count({}) == 1u);
    CHECK(element_count({2, 3, 4}) == 24u);
    CHECK(element_count({5, 0}) == 0u);
    CHECK_FALSE(element_count({SIZE_MAX, 2}));
    CHECK_FALSE(element_count({SIZE_MAX, 2, 0}));
    CHECK_FALSE(element_count({std::size_t{1} << 32, std::size_t{1} << 32}));
}
