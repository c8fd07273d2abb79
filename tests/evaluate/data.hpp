// The small detection problems of tests/data/evaluate and their expected figures.
#pragma once

#include "../../examples/coco_json.hpp"

#include <fovea/evaluate/annotations.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace fovea::test {

struct evaluation_problem {
    examples::coco_dataset truth;
    std::vector<scored_box> detections;
    std::vector<double> coco; // the twelve figures
    double voc_eleven_points = 0, voc_area = 0;
};

inline evaluation_problem read_problem(const std::string& name) {
    std::ifstream file(std::string(FOVEA_TEST_DATA) + "/evaluate/" + name + ".json");
    const auto json = nlohmann::json::parse(file);
    evaluation_problem problem;
    problem.truth = examples::parse_coco_annotations(json.at("ground_truth").dump(), name);
    problem.detections = examples::parse_coco_detections(json.at("detections").dump(), name, problem.truth);
    problem.coco = json.at("coco").get<std::vector<double>>();
    problem.voc_eleven_points = json.at("voc_eleven_points").get<double>();
    problem.voc_area = json.at("voc_area").get<double>();
    return problem;
}

} // namespace fovea::test
