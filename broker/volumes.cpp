// SPDX-License-Identifier: Apache-2.0
// What a volume's name stands for. Broker only; whoever may use the Engine can have made it.
#include "broker/engine_request.hpp"

namespace dc::broker {

Result<void> check_volume(const EngineResponse& response, const VolumeName& name, bool may_lack) {
  if (response.status == 404 && may_lack) return {};
  if (response.status != 200) return fail(engine_error(EngineStep::volume, response));
  const JsonText document(response.body);
  const std::string_view options = json_member(document.view(), "Options");
  const bool plain = json_text(document.view(), "Name") == name.view() &&
                     json_text(document.view(), "Driver") == "local" &&
                     (json_is_null(options) || options == "{}");
  if (plain) return {};
  return fail(Errc::mount_not_allowed,
              "The volume \"" + name.str() + "\" is no plain local volume of the Docker Engine",
              "it was made with another driver or with options of its own, which may lead anywhere "
              "on the host; name another one");
}

}  // namespace dc::broker
