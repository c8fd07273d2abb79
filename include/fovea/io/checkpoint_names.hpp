// Names in the checkpoints of training by which readers of weights tell the weights from the rest.
#pragma once

namespace fovea::detail {

// The key of the metadata that makes a safetensors file a checkpoint; its value is the format's version.
inline constexpr char checkpoint_key[] = "fovea_checkpoint";
// What the keys of averaged weights and of the optimizer's arrays begin with. Weights have neither.
inline constexpr char ema_prefix[] = "ema.";
inline constexpr char optimizer_prefix[] = "optimizer.";

} // namespace fovea::detail
