// Everything fovea has for training, beside fovea/fovea.hpp. Reading photos is apart, in fovea/train/data/read_photo.hpp:
// it needs image libraries.
#pragma once

#include <fovea/detect/gluoncv_anchors.hpp>
#include <fovea/detect/gluoncv_box_coder.hpp>
#include <fovea/io/write_safetensors.hpp>
#include <fovea/program/training_network.hpp>
#include <fovea/train/checkpoint_folder.hpp>
#include <fovea/train/classification_trainer.hpp>
#include <fovea/train/data/classification_loader.hpp>
#include <fovea/train/data/dataset_builder.hpp>
#include <fovea/train/data/detection_loader.hpp>
#include <fovea/train/efficientdet_trainer.hpp>
#include <fovea/train/fit_anchors.hpp>
#include <fovea/train/init/initialize.hpp>
#include <fovea/train/loss/binary_cross_entropy.hpp>
#include <fovea/train/loss/ssd_multibox.hpp>
#include <fovea/train/optimizer/accumulate.hpp>
#include <fovea/train/optimizer/adam.hpp>
#include <fovea/train/optimizer/average.hpp>
#include <fovea/train/optimizer/plateau.hpp>
#include <fovea/train/optimizer/rmsprop.hpp>
#include <fovea/train/optimizer/schedule.hpp>
#include <fovea/train/optimizer/sgd.hpp>
#include <fovea/train/pretrained.hpp>
#include <fovea/train/ssd_trainer.hpp>
#include <fovea/train/target/gluoncv_target.hpp>
