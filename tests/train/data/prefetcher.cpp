#include <fovea/train/data/prefetcher.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <vector>

using namespace fovea;

namespace {

void make_squares(std::uint64_t number, std::uint64_t& result, std::size_t) {
    if (number % 3 == 0) // so that results are ready out of order
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    result = number * number;
}

} // namespace

TEST_CASE("results come in order from any number of workers") {
    for (const std::size_t workers : {1U, 2U, 5U}) {
        prefetcher<std::uint64_t> squares(make_squares, workers, 3);
        std::uint64_t result = 0;
        for (std::uint64_t i = 0; i < 100; ++i) {
            REQUIRE(squares.position() == i);
            squares.next(result);
            REQUIRE(result == i * i);
        }
    }
}

TEST_CASE("work goes on from where seek says") {
    prefetcher<std::uint64_t> squares(make_squares, 3, 4);
    std::uint64_t result = 0;
    for (const std::uint64_t begin : {50U, 7U, 7U, 1000U, 0U}) {
        squares.seek(begin);
        CHECK(squares.position() == begin);
        for (std::uint64_t i = begin; i < begin + 5; ++i) {
            squares.next(result);
            REQUIRE(result == i * i);
        }
    }
}

TEST_CASE("no more is prepared than may be ahead") {
    std::atomic<std::uint64_t> made{0};
    prefetcher<int> numbers([&](std::uint64_t, int&, std::size_t) { ++made; }, 4, 3);
    int result = 0;
    numbers.next(result);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(made <= 4);
}

TEST_CASE("an exception comes out at its number, again and again, until seek") {
    prefetcher<std::uint64_t> squares(
        [](std::uint64_t number, std::uint64_t& result, std::size_t) {
            if (number == 4)
                throw io_error("four");
            result = number;
        },
        2, 3);
    std::uint64_t result = 0;
    for (std::uint64_t i = 0; i < 4; ++i)
        squares.next(result);
    CHECK(result == 3);
    CHECK_THROWS_WITH(squares.next(result), "four");
    CHECK_THROWS_AS(squares.next(result), io_error);
    CHECK(squares.position() == 4);
    squares.seek(5);
    squares.next(result);
    CHECK(result == 5);
}

TEST_CASE("memory of results is used again") {
    std::atomic<int> grown{0};
    prefetcher<std::vector<int>> buffers(
        [&](std::uint64_t number, std::vector<int>& result, std::size_t) {
            grown += result.capacity() < 1000 ? 1 : 0;
            result.assign(1000, static_cast<int>(number));
        },
        1, 2);
    std::vector<int> result;
    for (int i = 0; i < 50; ++i) {
        buffers.next(result);
        REQUIRE(result[999] == i);
    }
    CHECK(grown <= 4); // those ahead, the one being made and the caller's
}

TEST_CASE("destroyed at any moment, it stops its workers") {
    for (int i = 0; i < 50; ++i) {
        prefetcher<std::uint64_t> squares(make_squares, 1 + static_cast<std::size_t>(i % 4), 2);
        std::uint64_t result = 0;
        for (int taken = 0; taken < i % 5; ++taken)
            squares.next(result);
    }
    SUCCEED();
}

TEST_CASE("no workers or no room are errors") {
    CHECK_THROWS_AS(prefetcher<std::uint64_t>(make_squares, 0, 1), input_error);
    CHECK_THROWS_AS(prefetcher<std::uint64_t>(make_squares, 1, 0), input_error);
}
