// The log of a training run, resumed and drawn; Ctrl-C; times in words.
#include "program.hpp"

#include "../../examples/cli/interrupt.hpp"
#include "../../examples/cli/pace.hpp"
#include "../../examples/cli/train_log.hpp"

#include <fovea/io/image.hpp>

#include <cmath>
#include <csignal>

#include <sys/resource.h>

using namespace fovea;
using namespace fovea::test;

namespace {

cli::log_row log_row_at(std::uint64_t step) {
    cli::log_row row;
    row.step = step;
    row.epoch = static_cast<double>(step) / 3;
    row.learning_rate = 0.1;
    row.loss = 5.0 / static_cast<double>(step);
    return row;
}

const std::string log_header = "step,epoch,learning_rate,loss,box_loss,class_loss,AP,AP50,seconds\n";

std::string log_fault(const fs::path& path) {
    try {
        cli::read_log(path);
    } catch (const error& e) {
        return e.what();
    }
    return {};
}

std::size_t pixels_near(const image& picture, int red, int green, int blue) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < picture.pixels.size(); i += 3)
        count += std::abs(picture.pixels[i] - red) + std::abs(picture.pixels[i + 1] - green) +
                             std::abs(picture.pixels[i + 2] - blue) <
                         30
                     ? 1U
                     : 0U;
    return count;
}

} // namespace

TEST_CASE("A log reads back what was appended, bit for bit") {
    const scratch_folder folder;
    const fs::path path = folder / "log.csv";
    {
        cli::train_log log(path);
        for (std::uint64_t step = 1; step <= 3; ++step)
            log.append(log_row_at(step));
        cli::log_row evaluation;
        evaluation.step = 3;
        evaluation.epoch = 1;
        evaluation.ap = 0.1;
        evaluation.ap50 = 1;
        evaluation.seconds = 1e9;
        log.append(evaluation);
        cli::log_row broken = log_row_at(4);
        broken.loss = std::numeric_limits<double>::infinity();
        log.append(broken);
    }
    CHECK(read_text(path) == log_header +
                                 "1,0.3333333333333333,0.1,5,,,,,\n2,0.6666666666666666,0.1,2.5,,,,,\n"
                                 "3,1,0.1,1.6666666666666667,,,,,\n3,1,,,,,0.1,1,1e+09\n"
                                 "4,1.3333333333333333,0.1,inf,,,,,\n");
    const std::vector<cli::log_row> rows = cli::read_log(path);
    REQUIRE(rows.size() == 5);
    CHECK(rows[2].loss == 5.0 / 3);
    CHECK(std::isnan(rows[2].ap));
    CHECK(std::isnan(rows[3].loss));
    CHECK(rows[3].ap == 0.1);
    CHECK(rows[3].seconds == 1e9);
    CHECK(std::isinf(rows[4].loss));
}

TEST_CASE("A resumed log is the log of a run that never stopped") {
    const scratch_folder folder;
    const fs::path path = folder / "log.csv", whole = folder / "whole.csv";
    cli::train_log all(whole);
    for (std::uint64_t step = 1; step <= 6; ++step)
        all.append(log_row_at(step));
    {
        cli::train_log log(path);
        for (std::uint64_t step = 1; step <= 5; ++step)
            log.append(log_row_at(step));
    }
    write_text(path, read_text(path) + "6,2,0."); // killed in the middle of a line
    cli::train_log log(path, 3);
    CHECK(log.rows().size() == 3);
    for (std::uint64_t step = 4; step <= 6; ++step)
        log.append(log_row_at(step));
    CHECK(log.rows().size() == 6);
    CHECK(read_text(path) == read_text(whole));
    cli::train_log begun(folder / "new.csv", 3);
    CHECK(read_text(folder / "new.csv") == log_header);
    CHECK(cli::train_log(path).rows().empty());
    CHECK(read_text(path) == log_header);
}

TEST_CASE("What is no log is refused with its line") {
    const scratch_folder folder;
    const fs::path path = folder / "log.csv";
    for (const char* line : {"1,2,3", "1,2,3,4,5,6,7,8,9,10", "1,2,3,x,5,6,7,8,9", ",2,3,4,5,6,7,8,9",
                             "-1,,,,,,,,", "", "1,2,3,4 ,5,6,7,8,9"}) {
        CAPTURE(line);
        write_text(path, log_header + "1,2,3,4,5,6,7,8,9\n2,,,,,,,,\n" + line + "\n");
        CHECK(log_fault(path) == path.string() + ":4: expected 9 numbers, found '" + line + "'");
    }
    write_text(path, "loss,step\n1,2\n");
    CHECK_THAT(log_fault(path), Catch::Contains("expected a log of training that begins with 'step,"));
    CHECK_THAT(log_fault(folder / "none"), Catch::Contains("no such file"));
    CHECK_THROWS_AS(cli::train_log(folder / "none" / "log.csv"), io_error);
}

TEST_CASE("A log that cannot grow is an error and keeps its rows") {
    const scratch_folder folder;
    const fs::path path = folder / "log.csv";
    cli::train_log log(path);
    log.append(log_row_at(1));
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit limited = before;
    limited.rlim_cur = fs::file_size(path); // as a full disk: the next byte is refused
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limited);
    std::string fault;
    try {
        log.append(log_row_at(2));
    } catch (const io_error& e) {
        fault = e.what();
    }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK(fault == path.string() + ": cannot be written: File too large");
    CHECK(cli::read_log(path).size() == 1);
    CHECK(log.rows().size() == 1);
}

TEST_CASE("Curves are drawn of losses, and of AP where there is one") {
    const scratch_folder folder;
    const fs::path path = folder / "log.csv", drawn = folder / "log.png";
    cli::train_log log(path);
    CHECK(run_fovea(folder, "curves '" + path.string() + "'").status == 1);
    log.append(log_row_at(1));
    CHECK(run_fovea(folder, "curves '" + path.string() + "'").status == 0); // one point
    for (std::uint64_t step = 2; step <= 90; ++step)
        log.append(log_row_at(step));
    REQUIRE(run_fovea(folder, "curves '" + path.string() + "'").status == 0);
    const image losses = read_image(drawn);
    CHECK(losses.size() == image_size{1000, 440});
    CHECK(pixels_near(losses, 31, 94, 168) > 300); // the smoothed loss
    CHECK(pixels_near(losses, 41, 140, 77) == 0);
    for (std::uint64_t step = 30; step <= 90; step += 30) {
        cli::log_row row = log_row_at(90);
        row.epoch = static_cast<double>(step) / 3;
        row.loss = cli::no_value;
        row.ap = 0.3;
        row.ap50 = 0.6;
        log.append(row);
    }
    const fs::path out = folder / "both.png";
    const outcome r =
        run_fovea(folder, "curves '" + path.string() + "' --title words --out '" + out.string() + "'");
    CHECK(r.status == 0);
    CHECK(r.out == "drawn: " + out.string() + "\n");
    const image both = read_image(out);
    CHECK(both.size() == image_size{1000, 800});
    CHECK(pixels_near(both, 41, 140, 77) > 300);  // AP
    CHECK(pixels_near(both, 230, 125, 33) > 300); // AP50
    write_text(path, "something else\n");
    CHECK(run_fovea(folder, "curves '" + path.string() + "'").status == 1);
}

TEST_CASE("The first Ctrl-C sets a flag, the second one ends the program") {
    for (int signal : {SIGINT, SIGTERM}) {
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            close(STDERR_FILENO);
            const cli::interrupt_watch watch;
            if (watch.requested())
                _exit(1);
            raise(SIGINT);
            if (!watch.requested() || watch.signal() != SIGINT)
                _exit(2);
            raise(signal);
            _exit(3);
        }
        int status = 0;
        waitpid(child, &status, 0);
        REQUIRE(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 128 + signal);
    }
    struct sigaction before {
    }, after{};
    sigaction(SIGINT, nullptr, &before);
    { const cli::interrupt_watch watch; }
    sigaction(SIGINT, nullptr, &after);
    CHECK(before.sa_handler == after.sa_handler);
}

TEST_CASE("Times in words") {
    CHECK(cli::duration_text(7.4) == "0:07");
    CHECK(cli::duration_text(725) == "12:05");
    CHECK(cli::duration_text(59.6) == "1:00");
    CHECK(cli::duration_text(3599.7) == "1:00:00");
    CHECK(cli::duration_text(11099) == "3:04:59");
    CHECK(cli::duration_text(cli::no_value) == "-:--");
    CHECK(cli::duration_text(-1) == "-:--");
    cli::pace pace;
    CHECK(pace.images_per_second() == 0);
    CHECK(std::isnan(pace.seconds_left(10)));
    for (int step = 0; step < 5; ++step)
        pace.add_step(8, 0.25);
    CHECK(pace.images_per_second() == Approx(32));
    CHECK(pace.seconds_left(0) == 0);
    for (int step = 0; step < 1000; ++step)
        pace.add_step(8, 0.5);
    CHECK(pace.images_per_second() == Approx(16));
    CHECK_THAT(cli::training_details(1.23456, cli::no_value, cli::no_value, pace, 0),
               Catch::Equals("loss 1.235  16.0 images/s  ends in 0:00"));
    CHECK_THAT(cli::training_details(1, 0.4321, 0.8, pace, 0),
               Catch::EndsWith("  ends in 0:00  AP 0.432 (AP50 0.800)"));
}
