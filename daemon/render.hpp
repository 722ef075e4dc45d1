// SPDX-License-Identifier: Apache-2.0
// The public JSON shapes. The Engine's own documents are copied as they are; only where their parts
// lie is looked up. Front; trusts the broker for content, not for form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include "common/json_reader.hpp"
#include "common/messages.hpp"

namespace dc::daemon {

inline constexpr std::string_view kSuccessBody = R"({"status":"success"})";
inline constexpr std::string_view kListHead = R"({"status":"success","containers":[)";
inline constexpr std::string_view kListTail = "]}";

// One item of the list; `document` is the whole inspect document. False, with nothing appended: it
// is not a container's.
[[nodiscard]] bool append_list_item(std::string& out, const ContainerDocument& container,
                                    const JsonText& document);

// The answer of containers/{id}. nullopt: the document is not a container's.
std::optional<std::string> render_container(const ContainerDocument& container,
                                            const JsonText& document);

// The answer of containers/run. `logs` counts only with an exit code.
std::string render_started(const ContainerStarted& started, std::string_view logs);

// `message` of the answer to a command that has nothing else to tell; empty for the others.
std::string success_message(const Command& command);

std::string render_message(std::string_view message);
std::string render_exists(std::string_view image, bool exists);
// {"status", key: value}; `json` is JSON already.
std::string render_value(std::string_view key, std::string_view json);
// The content without what looks like a token.
std::string render_service_log(std::string_view file, std::string_view content);

}  // namespace dc::daemon
