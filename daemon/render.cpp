// SPDX-License-Identifier: Apache-2.0
// Field names and their order are those of the service that we replace. Front; trusts the broker
// for content, not for form.
#include "daemon/render.hpp"
#include "common/json_text.hpp"
#include "daemon/redact.hpp"

namespace dc::daemon {
namespace {

// JSON text of the parts that stand beside the whole document; empty where there is none.
struct Parts {
  std::string id, name, status, image_id;
  std::string_view created, config, network_settings, host_config, environment, ports;
  std::vector<std::string> networks;
};

std::string string_or_empty(std::string_view json) { return json_string(json).value_or(""); }

void find_networks(Parts& parts) {
  for_each_member(parts.network_settings, [&](std::string_view key, std::string_view json) {
    if (key == "Ports") parts.ports = json;
    if (key != "Networks" || json_is_null(json)) return;
    for_each_member(json, [&](std::string_view network, std::string_view) {
      parts.networks.emplace_back(network);
    });
  });
}

bool find_parts(std::string_view document, Parts& parts) {
  const bool whole = for_each_member(document, [&](std::string_view key, std::string_view json) {
    if (key == "Id") parts.id = string_or_empty(json);
    if (key == "Name") parts.name = string_or_empty(json);
    if (key == "Image") parts.image_id = string_or_empty(json);
    if (key == "Created") parts.created = json;
    if (key == "State") parts.status = string_or_empty(json_member(json, "Status"));
    if (key == "Config") parts.config = json;
    if (key == "NetworkSettings") parts.network_settings = json;
    if (key == "HostConfig") parts.host_config = json;
  });
  if (!whole || parts.id.empty() || json_is_null(parts.config)) return false;
  if (parts.name.starts_with('/')) parts.name.erase(0, 1);
  parts.environment = json_member(parts.config, "Env");
  if (!json_is_null(parts.network_settings)) find_networks(parts);
  return true;
}

void append_text(std::string& out, std::string_view key, std::string_view text) {
  out += key;
  append_json_string(out, text);
}

std::string_view view_of(const std::string& text) { return text; }
std::string_view view_of(const Text<1024>& text) { return text.view(); }

template <class List>
void append_texts(std::string& out, std::string_view key, const List& texts) {
  out += key;
  out += '[';
  for (const auto& text : texts) {
    if (&text != &texts.front()) out += ',';
    append_json_string(out, view_of(text));
  }
  out += ']';
}

void append_part(std::string& out, std::string_view key, std::string_view json,
                 std::string_view absent) {
  out += key;
  out += json_is_null(json) ? absent : json;
}

// All fields that list and get share, without the closing brace. docker-py's short id of an image,
// the digest's name and twelve characters of it, stands in for a tag.
void append_common(std::string& out, const ContainerDocument& container, const Parts& parts,
                   std::string_view document) {
  const auto& tags = container.image_tags;
  append_text(out, R"({"id":)", parts.id);
  append_text(out, R"(,"name":)", parts.name);
  append_text(out, R"(,"status":)", parts.status);
  append_text(out, R"(,"image":)",
              tags.empty() ? std::string_view(parts.image_id).substr(0, 19) : tags.front().view());
  append_texts(out, R"(,"image_tags":)", tags);
  out += R"(,"attrs":)";
  out += document;
  append_part(out, R"(,"Config":)", parts.config, "{}");
  append_part(out, R"(,"NetworkSettings":)", parts.network_settings, "{}");
  append_part(out, R"(,"HostConfig":)", parts.host_config, "{}");
  append_part(out, R"(,"environment":)", parts.environment, "[]");
}

}  // namespace

bool append_list_item(std::string& out, const ContainerDocument& container,
                      const JsonText& document) {
  Parts parts;
  if (!find_parts(document.view(), parts)) return false;
  append_common(out, container, parts, document.view());
  out += '}';
  return true;
}

std::optional<std::string> render_container(const ContainerDocument& container,
                                            const JsonText& document) {
  Parts parts;
  if (!find_parts(document.view(), parts)) return std::nullopt;
  std::string out;
  out.reserve(document.view().size() * 2 + 1024);
  append_common(out, container, parts, document.view());
  append_part(out, R"(,"created":)", parts.created, "null");
  append_part(out, R"(,"ports":)", parts.ports, "{}");
  append_texts(out, R"(,"networks":)", parts.networks);
  out += '}';
  return out;
}

std::string render_started(const ContainerStarted& started, std::string_view logs) {
  std::string out = R"({"status":"success")";
  append_text(out, R"(,"container_id":)", started.id.view());
  append_text(out, R"(,"container_name":)", started.name.view());
  out += R"(,"port_bindings":)";
  out += started.port_bindings.bytes.empty() ? std::string_view("{}")
                                             : std::string_view(started.port_bindings.bytes);
  append_text(out, R"(,"id":)", started.id.view());
  append_text(out, R"(,"name":)", started.name.view());
  if (started.exit_code) {
    out += R"(,"exit_code":)";
    out += std::to_string(*started.exit_code);
    append_text(out, R"(,"logs":)", logs);
    if (started.logs_truncated) out += R"(,"logs_truncated":true)";
  }
  out += '}';
  return out;
}

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string sentence(std::string_view before, std::string_view name, std::string_view after) {
  return std::string(before).append(name).append(after);
}

}  // namespace

std::string success_message(const Command& command) {
  return std::visit(
      Overloaded{
          [](const RenameContainer& rename) {
            return sentence("Container renamed to ", rename.name.view(), "");
          },
          [](const PullImage& pull) {
            return pull.id ? sentence("Pull ", pull.id->view(), " started")
                           : sentence("Image ", pull.image.familiar(), " pulled successfully");
          },
          [](const FindImage& find) { return find.image.familiar(); },
          [](const RemoveImage& remove) {
            return sentence("Image ", remove.image.familiar(), " removed successfully");
          },
          [](const CreateNetwork& create) {
            return sentence("Network ", create.network.view(), " created successfully");
          },
          [](const RemoveNetwork& remove) {
            return sentence("Network ", remove.network.view(), " removed successfully");
          },
          [](const ConnectNetwork& connect) {
            return sentence("Container ", connect.container.view(), " connected to network ")
                .append(connect.network.view());
          },
          [](const DisconnectNetwork& disconnect) {
            return sentence("Container ", disconnect.container.view(),
                            " disconnected from network ")
                .append(disconnect.network.view());
          },
          [](const auto&) { return std::string(); },
      },
      command);
}

std::string render_message(std::string_view message) {
  JsonWriter out;
  out.open('{').key("status").string("success").key("message").string(message);
  return out.close('}').take();
}

std::string render_exists(std::string_view image, bool exists) {
  const auto message = sentence("Image ", image, exists ? " exists" : " does not exist");
  JsonWriter out;
  out.open('{').key("status").string("success").key("message").string(message);
  return out.key("exists").boolean(exists).close('}').take();
}

std::string render_value(std::string_view key, std::string_view json) {
  JsonWriter out;
  return out.open('{').key("status").string("success").key(key).raw(json).close('}').take();
}

std::string render_service_log(std::string_view file, std::string_view content) {
  JsonWriter out;
  out.open('{').key("content").string(redact_tokens(content));
  return out.key("file").string(file).close('}').take();
}

}  // namespace dc::daemon
