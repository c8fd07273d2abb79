// fovea train on what is no SSDLite: EfficientDet and classifiers; and fovea anchors.
#include "train_photos.hpp"

#include <fovea/io/image.hpp>
#include <fovea/train/checkpoint.hpp>

#include "../../examples/cli/train_log.hpp"

#include <cmath>

using namespace fovea;
using namespace fovea::test;

namespace {

// The smallest EfficientDet; options that come later count.
std::string detector_call(const train_photos& photos, const fs::path& output, const std::string& options) {
    const std::string data = "'" + photos.path().string() + "'";
    return "train efficientdet_d0 --width-mult 0.25 --depth-mult 0.25 --cells 1 --input-size 128 --batch-size 3 "
           "--steps 24 --lr 0.2 --ema 0 --eval-every 4 --train " +
           data + " --val " + data + " --output-dir '" + output.string() + "' " + options;
}

// Photos of one color each, a folder a color: eight to learn from, four to evaluate.
void draw_colors(const fs::path& folder) {
    random_stream random(1);
    for (const auto& [part, count] : {std::pair("train", 8), std::pair("val", 4)})
        for (const auto& [name, channel] : {std::pair("blue", 2), std::pair("green", 1), std::pair("red", 0)}) {
            fs::create_directories(folder / part / name);
            for (int i = 0; i < count; ++i) {
                std::string pixels;
                for (int p = 0; p < 48 * 40; ++p)
                    for (int c = 0; c < 3; ++c)
                        pixels.push_back(static_cast<char>(random.below(60) + (c == channel ? 190U : 10U)));
                write_text(folder / part / name / (std::to_string(i) + ".ppm"), "P6\n48 40\n255\n" + pixels);
            }
        }
}

std::string classifier_call(const fs::path& photos, const fs::path& output, const std::string& options) {
    return "train mobilenet_v3_small --width-mult 0.25 --input-size 32 --resize 36 --batch-size 8 "
           "--epochs 12 --lr 0.05 --eval-every 4 --train '" +
           (photos / "train").string() + "' --val '" + (photos / "val").string() + "' --output-dir '" +
           output.string() + "' " + options;
}

double mean_loss(const std::vector<cli::log_row>& rows, std::size_t begin, std::size_t end) {
    double sum = 0, count = 0;
    for (std::size_t i = begin; i < end; ++i)
        if (std::isfinite(rows[i].loss)) {
            sum += rows[i].loss;
            count += 1;
        }
    return sum / count;
}

std::string rows_without_time(const fs::path& log) {
    std::string text = read_text(log), kept;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        kept += text.substr(0, text.rfind(',', end)) + "\n";
        text.erase(0, end + 1);
    }
    return kept;
}

// The run in `folder`, whose last checkpoint is lost, ends as before when it is resumed.
void check_resumed(const scratch_folder& scratch, const fs::path& run, const std::string& call) {
    const std::string weights = read_text(run / "final.safetensors"), log = rows_without_time(run / "log.csv");
    REQUIRE_FALSE(weights.empty());
    fs::remove(run / "final.safetensors");
    const std::string last = read_text(run / "last.safetensors");
    write_text(run / "last.safetensors", last.substr(0, last.size() / 2));
    const auto step = load_checkpoint(run / "previous.safetensors").integers.at("step");
    CHECK(step > 0);
    const outcome again = run_fovea(scratch, call + "--threads 1 --resume");
    INFO(again.err);
    REQUIRE(again.status == 0);
    CHECK(again.err_has("going on behind step " + std::to_string(step)));
    CHECK(read_text(run / "final.safetensors") == weights);
    CHECK(rows_without_time(run / "log.csv") == log);
}

} // namespace

TEST_CASE("An EfficientDet learns from photos with boxes, resumes to the bit, and detects") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const fs::path run = folder / "run";
    const std::string call = detector_call(photos, run, "--checkpoint-every 5 ");
    const outcome r = run_fovea(folder, call + "--threads 2");
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.out.find("classes __background__, blue, red") != std::string::npos);
    const auto rows = cli::read_log(run / "log.csv");
    REQUIRE(rows.size() == 24 + 3); // and evaluations
    CHECK(mean_loss(rows, rows.size() - 7, rows.size()) < 0.9 * mean_loss(rows, 0, 6));
    check_resumed(folder, run, call);
    const outcome found = run_fovea(
        folder, "detect efficientdet_d0 --width-mult 0.25 --depth-mult 0.25 --cells 1 --input-size 128 --score 0 --labels '" +
                    (run / "labels.txt").string() + "' --weights '" + (run / "final.safetensors").string() + "' '" +
                    photos.photo("photo6").string() + "'");
    INFO(found.err);
    CHECK(found.status == 0);
    CHECK(found.out.find("64x48") != std::string::npos);
}

TEST_CASE("EfficientDet's recipes, losses, names and a beginning with weights of other classes") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    const std::string one = "--steps 2 --warmup-epochs 0 --warmup-steps 0 ";
    const auto status = [&](const std::string& output, const std::string& options) {
        const outcome r = run_fovea(folder, detector_call(photos, folder / output, one + options));
        INFO(r.err);
        CHECK(r.err.find("error") == std::string::npos);
        return r.status;
    };
    CHECK(status("zylo117", "--recipe zylo117") == 0);
    for (const char* loss : {"smooth_l1", "giou", "diou", "ciou"})
        CHECK(status(loss, std::string("--box-loss ") + loss + " --label-smoothing 0.1") == 0);
    CHECK(status("stretched", "--data-augmentation scale_jitter --anchor-scale 2 --ratios 1x1,2x0.5") == 0);

    // The other port's names, and heads that begin anew.
    const std::string weights = "--weights '" + (folder / "zylo117/final.safetensors").string() + "' ";
    const std::string other = detector_call(photos, folder / "other", one + weights + "--freeze backbone");
    const outcome r = run_fovea(folder, "train tf_" + other.substr(std::string("train ").size()));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const state_dict from = read_safetensors(folder / "zylo117/final.safetensors"),
                     to = read_safetensors(folder / "other/final.safetensors");
    CHECK(to.at("backbone.conv_stem.weight").values ==
          from.at("backbone_net.model._conv_stem.conv.weight").values);
    for (int i = 0; i < 8; ++i)
        photos.change("photo" + std::to_string(i), "<name>red", "<name>photo" + std::to_string(i % 2));
    const std::string three = one + weights + "--val-split train+val --train-split train+val ";
    CHECK(run_fovea(folder, detector_call(photos, folder / "three", three)).err_has("use --skip-heads"));
    CHECK(status("three", three + "--skip-heads --overwrite") == 0);
}

TEST_CASE("A classifier learns from a folder of photos for each class, resumes to the bit, and classifies") {
    const scratch_folder folder;
    draw_colors(folder / "colors");
    const fs::path run = folder / "run";
    const std::string call = classifier_call(folder / "colors", run, "--recipe classification --checkpoint-every 7 --half ");
    const outcome r = run_fovea(folder, call + "--threads 2");
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.out.find("24 photos to learn from, 12 to evaluate; 36 steps of 8 photos") != std::string::npos);
    CHECK(r.out.find("top-5") != std::string::npos);
    CHECK(read_text(run / "labels.txt") == "blue\ngreen\nred\n");
    CHECK(read_text(run / "curves.png").substr(1, 3) == "PNG");
    const std::string header = "step,epoch,learning_rate,loss,top1,top5,seconds\n";
    CHECK(read_text(run / "log.csv").substr(0, header.size()) == header);
    const auto rows = cli::read_log(run / "log.csv");
    REQUIRE(rows.size() == 36 + 3);
    CHECK(rows.back().top5 == 1);
    CHECK(mean_loss(rows, 29, 39) < 0.8 * mean_loss(rows, 0, 6));
    check_resumed(folder, run, call);
    const outcome named = run_fovea(folder, "classify mobilenet_v3_small --width-mult 0.25 --input-size 32 --resize 36 "
                                            "--labels '" +
                                                (run / "labels.txt").string() + "' --weights '" +
                                                (run / "best.safetensors").string() + "' '" +
                                                (folder / "colors/val/red/0.ppm").string() + "'");
    CHECK(named.status == 0);
    CHECK(named.out.find("%  red") != std::string::npos);
    CHECK(run_fovea(folder, "curves '" + (run / "log.csv").string() + "' --out '" + (folder / "c.png").string() + "'")
              .status == 0);
}

TEST_CASE("Recipes of classifiers, and what is wrong with folders") {
    const scratch_folder folder;
    draw_colors(folder / "colors");
    const auto run = [&](const std::string& options) {
        return run_fovea(folder, classifier_call(folder / "colors", folder / "run", options + " --overwrite"));
    };
    for (const char* recipe : {"mobilenet_v2", "mobilenet_v3", "efficientnet"}) {
        const outcome r = run(std::string("--recipe ") + recipe + " --warmup-epochs 0");
        INFO(r.err);
        CHECK(r.status == 0);
    }
    CHECK(run("--data-augmentation ssd").err_has("expected imagenet, hflip or none"));
    CHECK(run("--class-loss focal").status == 2);
    CHECK(run("--num-classes 5").status == 2);
    fs::create_directories(folder / "colors/val/pink");
    CHECK(run("").err_has("pink is not among the classes"));
    fs::remove(folder / "colors/val/pink");
    write_text(folder / "colors/val/red/1.ppm", "P6\n9 9\n255\nshort");
    CHECK(run("").err_has("1.ppm"));
    const outcome r = run("--skip-unreadable --warmup-epochs 0");
    INFO(r.err);
    CHECK(r.status == 0);
    CHECK(r.out.find("11 to evaluate") != std::string::npos);
    CHECK(read_text(folder / "run/issues.txt").find("1.ppm") != std::string::npos);
}

TEST_CASE("Anchors are fitted to the boxes of photos and printed to paste") {
    const scratch_folder folder;
    const train_photos photos(folder / "voc");
    for (const char* photo : {"photo0", "photo1", "photo2"})
        photos.change(photo, "<xmin>", "<xmin>0."); // all others are squares
    const std::string data = " --train '" + photos.path().string() + "'";
    const outcome r = run_fovea(folder, "anchors efficientdet_d0 --input-size 256" + data);
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.out.find("12 boxes of 6 photos; mean IoU") == 0);
    CHECK(r.out.find("constexpr fovea::efficientdet_anchor_table anchors{{1, 1.2599210498948732") != std::string::npos);
    const std::size_t begin = r.out.find("--anchor-scale"), end = r.out.find('\n', begin);
    REQUIRE(begin != std::string::npos);
    const std::string options = r.out.substr(begin, end - begin);
    const outcome trained = run_fovea(folder, detector_call(photos, folder / "run", "--steps 2 --warmup-epochs 0 --warmup-steps 0 " + options));
    INFO(trained.err);
    CHECK(trained.status == 0);
    CHECK(run_fovea(folder, "anchors ssdlite320_blood_cells" + data).status == 2);
    CHECK(run_fovea(folder, "anchors efficientdet_d0 --ratios 1:1" + data).status == 2);
}
