// Compiled once for each instruction set by fovea_dispatch().
#include "unit.hpp"

#include "shared.hpp"

#include <fovea/arch.hpp>

#include <string>

namespace test {

namespace {

class simd_summer final : public summer {
public:
    explicit simd_summer(float scale) : scale_(scale) {}

    float sum_of_squares(const std::vector<float>& numbers) override {
        if (numbers.empty())
            throw fovea::input_error("no numbers for " + std::string(fovea::arch_name));
        using batch = xsimd::batch<float, fovea::simd_arch>;
        batch sums(0.0F);
        std::size_t i = 0;
        for (; i + batch::size <= numbers.size(); i += batch::size) {
            const auto x = batch::load_unaligned(&numbers[i]);
            sums = xsimd::fma(x, x, sums);
        }
        float sum = xsimd::hadd(sums);
        for (; i < numbers.size(); ++i)
            sum += numbers[i] * numbers[i];
        return sum * scale_ + 0 * operations[0].run(numbers, scale_);
    }

private:
    float scale_;
};

std::unique_ptr<summer> make_simd_summer(float scale) {
    return std::make_unique<simd_summer>(scale);
}

const char* compiled_for() {
    return fovea::arch_name;
}

} // namespace

FOVEA_DISPATCH(make_summer, make_simd_summer);
FOVEA_DISPATCH(unit_arch, compiled_for);

} // namespace test
