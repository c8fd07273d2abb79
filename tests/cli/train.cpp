// fovea train: what a run writes, and that it goes on as if it had not been stopped, however it was.
#include "train_photos.hpp"

#include <fovea/train/checkpoint.hpp>

#include <signal.h>

#include <set>

using namespace fovea;
using namespace fovea::test;

namespace {

// The smallest detector; options that come later count.
std::string call(const train_photos& photos, const fs::path& output, const std::string& options) {
    const std::string data = "'" + photos.path().string() + "'";
    return "train ssdlite320_blood_cells --width-mult 0.25 --input-size 64 --recipe cells --batch-size 2 "
           "--epochs 4 "
           "--warmup-steps 2 --train " +
           data + " --val " + data + " --output-dir '" + output.string() + "' " + options;
}

// A call that goes on while the test does.
class running_fovea {
public:
    running_fovea(const scratch_folder& folder, const std::string& arguments) {
        const std::string command = "exec env -u FOVEA_WEIGHTS " FOVEA_PROGRAM " " + arguments + " >>'" +
                                    (folder / "out").string() + "' 2>>'" + (folder / "err").string() + "'";
        pid_ = fork();
        if (pid_ == 0) {
            execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
            _exit(127);
        }
        REQUIRE(pid_ > 0);
    }
    running_fovea(const running_fovea&) = delete;
    running_fovea& operator=(const running_fovea&) = delete;
    ~running_fovea() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }

    // Waits until the file has so many lines or the program has ended.
    void wait_for_lines(const fs::path& file, std::ptrdiff_t lines) {
        while (!has_ended()) {
            std::error_code code;
            if (fs::exists(file, code)) {
                const std::string text = read_text(file);
                if (std::count(text.begin(), text.end(), '\n') >= lines)
                    return;
            }
            usleep(500);
        }
    }
    void send(int signal) const {
        if (pid_ > 0)
            ::kill(pid_, signal);
    }
    // Its exit code, 128 + signal when a signal ended it.
    int wait() {
        if (pid_ > 0)
            waitpid(std::exchange(pid_, 0), &status_, 0);
        return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    }

private:
    bool has_ended() {
        if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_)
            pid_ = 0;
        return pid_ == 0;
    }

    pid_t pid_ = 0;
    int status_ = 0;
};

// Everything of the log but the time.
std::string log_of(const fs::path& output) {
    std::string text = read_text(output / "log.csv"), kept;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        kept += text.substr(0, text.rfind(',', end)) + "\n";
        text.erase(0, end + 1);
    }
    return kept;
}

// Both runs ended with the same weights, bit for bit, and the same log.
void check_same(const fs::path& a, const fs::path& b) {
    REQUIRE_FALSE(read_text(a / "final.safetensors").empty());
    CHECK(read_text(a / "final.safetensors") == read_text(b / "final.safetensors"));
    CHECK(read_text(a / "best.safetensors") == read_text(b / "best.safetensors"));
    CHECK(log_of(a) == log_of(b));
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("A run writes weights, labels, a log, curves and a checkpoint; the weights detect") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    photos.change("photo1", "<xmin>", "<xmin>9");   // beyond the photo
    photos.change("photo7", "<xmax>", "<xmax>0.0"); // without area
    const fs::path output = folder / "run";
    const outcome r = run_fovea(folder, call(photos, output, "--half --eval-every 2"));
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(has(r.out, "6 photos to learn from, 2 to evaluate; 12 steps of 2 photos"));
    CHECK(has(r.out, "AP50"));
    CHECK(has(r.out, "trained: 12 steps"));
    CHECK(read_text(output / "labels.txt") == "__background__\nblue\nred\n");
    CHECK(has(read_text(output / "issues.txt"), "photo1.xml:5: box ("));
    CHECK(has(read_text(output / "issues.txt"), "photo7.xml:5: box ("));
    CHECK(read_text(output / "curves.png").substr(1, 3) == "PNG");
    const std::string log = log_of(output);
    CHECK(std::count(log.begin(), log.end(), '\n') == 1 + 12 + 2); // header, steps, evaluations
    CHECK(load_checkpoint(output / "last.safetensors").integers.at("step") == 12);
    const auto floats = [&](const char* name) {
        return read_safetensors(output / name).at("backbone.features.0.0.0.weight").type;
    };
    CHECK(floats("final.safetensors") == dtype::float32);
    CHECK(floats("final_fp16.safetensors") == dtype::float16);
    CHECK(floats("best_fp16.safetensors") == dtype::float16);
    const outcome found =
        run_fovea(folder, "detect ssdlite320_blood_cells --width-mult 0.25 --input-size 64 --labels '" +
                              (output / "labels.txt").string() + "' --weights '" +
                              (output / "best.safetensors").string() + "' --score 0 '" +
                              photos.photo("photo6").string() + "'");
    INFO(found.err);
    CHECK(found.status == 0);
    CHECK(has(found.out, "64x48"));
}

TEST_CASE("A resumed run ends with the same bits as one that was never stopped, at any number of threads") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const std::string options = "--accumulate 2 --log-every 2 --checkpoint-every 1 --eval-every 2 ";
    REQUIRE(run_fovea(folder, call(photos, folder / "whole", options + "--threads 1")).status == 0);
    REQUIRE(run_fovea(folder, call(photos, folder / "two", options + "--threads 2 --workers 2")).status == 0);
    check_same(folder / "whole", folder / "two");
    {
        running_fovea run(folder, call(photos, folder / "cut", options));
        run.wait_for_lines(folder / "cut/log.csv", 3);
        run.send(SIGINT);
        REQUIRE(run.wait() == 130);
    }
    CHECK(has(read_text(folder / "out"), "--resume goes on"));
    CHECK(load_checkpoint(folder / "cut/last.safetensors").integers.at("step") < 12);
    const outcome rest = run_fovea(folder, call(photos, folder / "cut", options + "--resume --threads 2"));
    INFO(rest.err);
    REQUIRE(rest.status == 0);
    CHECK(rest.err_has("going on behind step"));
    check_same(folder / "whole", folder / "cut");
}

TEST_CASE("A run that is killed again and again ends as if it had not been") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const std::string options = "--checkpoint-every 1 --epochs 6 ";
    REQUIRE(run_fovea(folder, call(photos, folder / "whole", options)).status == 0);
    random_stream random(5);
    for (std::ptrdiff_t lines = 3; lines < 18; lines += 4) {
        running_fovea run(folder, call(photos, folder / "killed", options + "--resume"));
        run.wait_for_lines(folder / "killed/log.csv", lines);
        usleep(static_cast<useconds_t>(random.below(30000)));
        run.send(SIGKILL);
        run.wait();
    }
    const outcome rest = run_fovea(folder, call(photos, folder / "killed", options + "--resume"));
    INFO(rest.err);
    REQUIRE(rest.status == 0);
    check_same(folder / "whole", folder / "killed");
    for (const auto& entry : fs::directory_iterator(folder / "killed"))
        CHECK(entry.path().extension() != ".part");
}

TEST_CASE("A broken checkpoint gives way to the one before; a full disk leaves both whole") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const std::string options = "--checkpoint-every 1 ";
    REQUIRE(run_fovea(folder, call(photos, folder / "whole", options)).status == 0);
    const fs::path run = folder / "run", last = run / "last.safetensors";
    {
        running_fovea first(folder, call(photos, run, options));
        first.wait_for_lines(run / "log.csv", 8);
        first.send(SIGTERM);
        REQUIRE(first.wait() == 143);
    }
    const std::string bytes = read_text(last), previous = read_text(run / "previous.safetensors");
    // Ignored, the signal of a file that grows too large is an error as that of a full disk.
    const std::string limited = "sh -c \"trap '' XFSZ; ulimit -f 100; exec " FOVEA_PROGRAM " " +
                                call(photos, run, options + "--resume") + "\" 2>'" +
                                (folder / "full").string() + "' >/dev/null";
    const int status = std::system(limited.c_str());
    CHECK(WEXITSTATUS(status) == 1);
    CHECK(has(read_text(folder / "full"), "cannot be written: File too large"));
    CHECK(read_text(last) == bytes);
    CHECK(read_text(run / "previous.safetensors") == previous);

    write_text(last, bytes.substr(0, bytes.size() / 2));
    const outcome rest = run_fovea(folder, call(photos, run, options + "--resume"));
    INFO(rest.err);
    REQUIRE(rest.status == 0);
    CHECK(rest.err_has("warning: "));
    CHECK(rest.err_has("is truncated"));
    check_same(folder / "whole", run);

    write_text(last, "");
    write_text(run / "previous.safetensors", "none");
    const outcome neither = run_fovea(folder, call(photos, run, options + "--resume"));
    CHECK(neither.status == 1);
    CHECK(neither.err_has("last.safetensors"));
    CHECK(neither.err_has("previous.safetensors"));
}

TEST_CASE("A loss that is no number stops with the layer and the photos; the last good checkpoint stays") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const outcome r =
        run_fovea(folder, call(photos, folder / "run",
                               "--lr 1e30 --warmup-start 0 --clip-norm 0 --checkpoint-every 1"));
    CHECK(r.status == 1);
    CHECK(r.err_has("is not finite in epoch 1, step 3 (batch 3 of 3): "));
    CHECK(r.err_has("the first that is not finite"));
    CHECK(r.err_has(".ppm\n"));
    CHECK(r.err_has("the last good checkpoint, of step 1, is "));
    CHECK(load_checkpoint(folder / "run/last.safetensors").integers.at("step") == 1);
}

TEST_CASE("Runs are not mixed up") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const fs::path run = folder / "run";
    REQUIRE(run_fovea(folder, call(photos, run, "--epochs 1")).status == 0);
    const outcome again = run_fovea(folder, call(photos, run, "--epochs 1"));
    CHECK(again.status == 1);
    CHECK(again.err_has("--overwrite begins anew"));
    CHECK(run_fovea(folder, call(photos, run, "--epochs 1 --overwrite")).status == 0);
    const outcome other = run_fovea(folder, call(photos, run, "--epochs 2 --lr 0.5 --dilated --resume"));
    CHECK(other.status == 1);
    CHECK(other.err_has("--lr: '0.08' in the checkpoint, '0.5' now"));
    CHECK(other.err_has("--epochs: '1' in the checkpoint, '2' now"));
    CHECK(other.err_has("--dilated: 'no' in the checkpoint, 'yes' now"));
    photos.change("photo0", "<xmin>", "<xmin>1");
    const outcome data = run_fovea(folder, call(photos, run, "--epochs 1 --resume"));
    CHECK(data.status == 1);
    CHECK(data.err_has("photos of --train: '6 photos, "));
}

TEST_CASE("Frozen layers stay; weights of other classes begin a run without their heads") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    REQUIRE(run_fovea(folder, call(photos, folder / "first", "--epochs 1")).status == 0);
    const std::string weights = "--weights '" + (folder / "first/final.safetensors").string() + "' ";
    REQUIRE(
        run_fovea(folder, call(photos, folder / "frozen", weights + "--epochs 1 --ema 0 --freeze backbone"))
            .status == 0);
    const state_dict before = read_safetensors(folder / "first/final.safetensors"),
                     after = read_safetensors(folder / "frozen/final.safetensors");
    for (const tensor& entry : before)
        if (entry.name.rfind("backbone.", 0) == 0 && !has(entry.name, "num_batches"))
            CHECK(after.at(entry.name).values == entry.values);
    const std::string head = "head.classification_head.module_list.0.1.weight";
    CHECK(after.at(head).values != before.at(head).values);

    for (int i = 0; i < 8; ++i)
        photos.change("photo" + std::to_string(i), "</object>",
                      "</object><object><name>green</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>"
                      "<ymax>9</ymax></bndbox></object>");
    const outcome wrong = run_fovea(folder, call(photos, folder / "wrong", weights + "--epochs 1"));
    CHECK(wrong.status == 1);
    CHECK(wrong.err_has("--skip-heads"));
    CHECK(run_fovea(folder, call(photos, folder / "four", weights + "--epochs 1 --skip-heads --freeze-norms"))
              .status == 0);
    CHECK(run_fovea(folder, call(photos, folder / "no", "--freeze bakcbone")).err_has("'bakcbone'"));
}

TEST_CASE("What is wrong with photos and labels is said before training begins, where it can be") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const auto run = [&](const std::string& options) {
        return run_fovea(folder, call(photos, folder / "run", options));
    };
    CHECK(run("--train-split nowhere").err_has("nowhere.txt"));
    write_text(photos.path() / "ImageSets/Main/empty.txt", "\n");
    CHECK(run("--val-split empty").err_has("empty.txt: lists no photo"));
    write_text(folder / "labels.txt", "red\n");
    CHECK(run("--labels '" + (folder / "labels.txt").string() + "'").err_has("\"blue\", 6 times: "));
    CHECK(run("--batch-size 7").err_has("at least 7 samples, got 6"));
    CHECK(run("--data-augmentation efficientdet").err_has("as EfficientDet's do"));
    CHECK(run("--warmup-steps 12").err_has("--warmup-steps 12 leaves nothing of a run of 12 steps"));
    photos.change("photo6", "<name>red", "<name>pink");
    CHECK(run("").err_has("\"pink\", 1 times: "));
    photos.change("photo6", "<name>pink", "<name>red");
    CHECK_FALSE(fs::exists(folder / "run"));

    write_text(photos.photo("photo7"), "P6\n64 48\n255\nshort");
    CHECK(run("").err_has("photo7.ppm"));
    CHECK_FALSE(fs::exists(folder / "run/log.csv"));
    write_text(photos.photo("photo2"), "no photo");
    const outcome r = run("--skip-unreadable --epochs 1");
    INFO(r.err);
    CHECK(r.status == 0);
    const std::string issues = read_text(folder / "run/issues.txt");
    CHECK(has(issues, "photo7.ppm"));
    CHECK(has(issues, "photo2.ppm"));
    CHECK(std::count(issues.begin(), issues.end(), '\n') == 2);
}

TEST_CASE("A COCO file trains as a folder of VOC does") {
    const scratch_folder folder;
    const std::string data = FOVEA_TEST_DATA "/train_data/";
    const std::string beginning =
        "train ssdlite320_mobilenet_v3_large --width-mult 0.25 --input-size 64 --batch-size 3 --steps 2 "
        "--opt adamw "
        "--box-loss ciou --class-loss focal --lr 1e-3 --aspect-ratio-group-factor -1 --output-dir '" +
        (folder / "run").string() + "' --train '" + data + "coco.json' ";
    const std::string images = "--train-images '" + data + "voc/JPEGImages' ";
    CHECK(run_fovea(folder, beginning).err_has("--train-images"));
    const outcome r = run_fovea(folder, beginning + images);
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(read_text(folder / "run/labels.txt") == "__background__\ndog\ncat\n");
    CHECK(fs::exists(folder / "run/curves.png"));
    CHECK_FALSE(fs::exists(folder / "run/best.safetensors")); // nothing was evaluated
    CHECK(run_fovea(folder, beginning + images + "--overwrite --category-ids").status == 0);
    CHECK(read_text(folder / "run/labels.txt") == "__background__\ndog\nN/A\ncat\n");
}

TEST_CASE("Calls of fovea train that make no sense") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    for (const char* options :
         {"--lr nan", "--lr -1", "--batch-size 0", "--opt newton", "--lr-steps 8,x", "--epochs 3 --steps 2",
          "--scales 0.1,0.2", "--num-classes 3", "--resume --overwrite", "--data-augmentation blur"}) {
        INFO(options);
        CHECK(run_fovea(folder, call(photos, folder / "run", options)).status == 2);
    }
    CHECK(run_fovea(folder, "train mobilenet_v2 --train . --output-dir x --train-split train").status == 2);
    CHECK(run_fovea(folder, "train mobilenet_v2 --train . --output-dir x --box-loss giou").status == 2);
    CHECK(has(run_fovea(folder, "train --help").out, "cells: "));
}
