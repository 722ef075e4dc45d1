// SPDX-License-Identifier: Apache-2.0
// The files of the API pages, which the build puts into the program (web/embed.py). Front only.
#pragma once

#include <span>
#include <string_view>

namespace dc::daemon {

struct DocsAsset {
  std::string_view name;  // "swagger-ui.css"
  std::string_view bytes;
};

// Empty when built with -Ddocs=disabled.
std::span<const DocsAsset> docs_assets();

}  // namespace dc::daemon
