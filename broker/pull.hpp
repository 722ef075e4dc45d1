// SPDX-License-Identifier: Apache-2.0
// Pulls an image and says how it ended. Broker only. The progress comes from a registry through the
// Engine: lines are capped, only the error is looked at.
#pragma once

#include <functional>
#include "broker/engine.hpp"
#include "common/image_ref.hpp"

namespace dc::broker {

// Errors: not_found when the registry does not have it or refuses it, engine_failure, and those of
// Engine::send. Ends when no progress comes for limits::kPullStall.
void pull_image(Engine& engine, const ImageRef& image, std::function<void(Result<void>)> pulled);

}  // namespace dc::broker
