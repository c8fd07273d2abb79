// Everything fovea has for inference. Reading photos is apart, in fovea/io/image.hpp: it needs image
// libraries.
#pragma once

#include <fovea/models/classifier.hpp>
#include <fovea/models/detector.hpp>
#include <fovea/models/load.hpp>
#include <fovea/program/thread_executor.hpp>
#include <fovea/version.hpp>
