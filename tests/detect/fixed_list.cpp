#include <fovea/detect/fixed_list.hpp>

#include <catch2/catch.hpp>

#include <vector>

TEST_CASE("A fixed list holds what it was given and no more than its capacity") {
    constexpr fovea::fixed_list<int, 3> two{4, 5};
    static_assert(two.size() == 2 && two[1] == 5 && two.back() == 5 && !two.empty());
    CHECK(std::vector<int>(two.begin(), two.end()) == std::vector<int>{4, 5});
    fovea::fixed_list<int, 2> full{1, 2};
    CHECK_THROWS_AS(full.push_back(3), fovea::input_error);
    CHECK_THROWS_AS((fovea::fixed_list<int, 1>{1, 2}), fovea::input_error);
}
